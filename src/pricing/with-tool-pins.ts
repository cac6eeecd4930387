import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { assertKeys, oneOf } from '../core/settings.js'
import { BudgetError } from '../core/errors.js'
import { BudgetEvents, callRef } from '../core/events.js'
import { REMEMBERED, toolDigest, toolName, ToolPins, type SeenTool, type ToolPinList } from './tool-pins.js'
import { refuse, type Refusal, type RefusalReason } from '../core/refusal.js'
import type { CallMiddleware, ToolListing } from '../core/middleware.js'
import type { JsonObject } from '../core/json.js'
import type { ToolCall } from '../core/call.js'

/** Settings of {@link withToolPins}. */
export interface ToolPinsOptions {
  /** What tools are held to, by name. A tool without a pin is held to the first definition that is seen. */
  readonly pins?: ToolPinList
  /** Pins of single servers, by the name that the seat gave the server; they come before `pins`. */
  readonly servers?: Readonly<Record<string, ToolPinList>>
  /** What becomes of a tool whose definition changed: only told of (default), or not shown and refused. */
  readonly onChange?: 'warn' | 'deny'
  /** What becomes of a tool without a pin: let through (default), or not shown and refused. */
  readonly unpinned?: 'allow' | 'deny'
  /** Hears `tool_changed`, `refused` and `fault`. */
  readonly events?: BudgetEvents
}

/**
 * Notices when a server shows a tool with another definition than before: other words for the model, other arguments,
 * or the same name twice in one list. Learns the definitions from the `tools/list` results that pass the seat.
 *
 * Refuses as `forbidden_tool`:
 *
 * - with `onChange: 'deny'`, a tool that is shown otherwise than its pin or first sight, until it is as it was: reason
 *   `definition_changed`;
 * - with `unpinned: 'deny'`, a tool without a pin; and with `onChange: 'deny'` one that could not be remembered, after
 *   10,000 of its server: reason `forbidden_tool`.
 *
 * Neither is shown. Beside a budget in shadow mode nothing is refused or hidden, and `refused` is told with
 * `enforced: false`. A tool that nobody listed yet is as it was. List this step after those that change what is shown.
 *
 * @throws BudgetError `invalid_config`: a mistake in the options, named by its path
 * @example
 * ```ts
 * const meter = compose(
 *   withToolPins({ servers: { github: { list_issues: '5e1c…' } }, onChange: 'deny', events }),
 *   withCostProfile({ defaultCost: 5 }),
 *   withBudget({ enforcer, budget: 'agent-1' }),
 * )
 * ```
 */
export function withToolPins(options: ToolPinsOptions = {}): CallMiddleware {
  assertKeys(options, ['pins', 'servers', 'onChange', 'unpinned', 'events'], 'options')
  const { events = new BudgetEvents() } = options
  const deniesChanged = oneOf(options.onChange, ['warn', 'deny'], 'onChange') === 'deny'
  const deniesUnpinned = oneOf(options.unpinned, ['allow', 'deny'], 'unpinned') === 'deny'
  const pins = new ToolPins(options.pins, options.servers)
  let told = false
  // Set while digests are on their way, as they are without `node:crypto`; a call waits for them.
  let seeing: Promise<void> | undefined

  function whyNot(server: string | undefined, tool: string): RefusalReason<'forbidden_tool'> | undefined {
    if (deniesUnpinned && !pins.hasPin(server, tool)) return 'forbidden_tool'
    const standing = deniesChanged ? pins.standing(server, tool) : 'same'
    if (standing === 'same') return undefined
    return standing === 'changed' ? 'definition_changed' : 'forbidden_tool'
  }

  function decide(call: ToolCall, enforced: boolean): ToolCall | Refusal {
    const reason = whyNot(call.server, call.tool)
    if (reason === undefined) return call
    const refusal = refuse(call.tool, { error: 'forbidden_tool', reason })
    events.emit('refused', { call: callRef(call), refusal, enforced })
    return enforced ? refusal : call
  }

  function onFull(): void {
    if (told) return
    told = true
    const message = `Expected at most ${REMEMBERED} tools of a server, got more; give the ones you use a pin`
    events.emit('fault', { where: 'withToolPins', error: new BudgetError({ code: 'too_large', message }) })
  }

  function see(server: string | undefined, seen: readonly SeenTool[]): void {
    for (const change of pins.see(server, seen, onFull)) events.emit('tool_changed', change)
  }

  function isShown({ server }: ToolListing, tool: JsonObject): boolean {
    const name = toolName(tool)
    return name === undefined ? !deniesChanged && !deniesUnpinned : whyNot(server, name) === undefined
  }

  const step = (enforced: boolean): CallMiddleware => ({
    name: 'withToolPins',
    ...(enforced && { inShadow: () => step(false) }),
    enter(call) {
      if (!enforced || seeing === undefined) return decide(call, enforced)
      return seeing.then(() => decide(call, enforced))
    },
    listTools(listing) {
      const seen = listing.tools.map(seenTool)
      if (seeing === undefined && !seen.some(isPromise)) see(listing.server, seen as SeenTool[])
      else {
        const now = Promise.all([...seen, seeing]).then((all) => {
          see(listing.server, all.slice(0, -1) as SeenTool[])
          if (seeing === now) seeing = undefined
        })
        seeing = now
      }
      const shown = enforced ? listing.tools.filter((tool) => isShown(listing, tool)) : listing.tools
      return shown.length === listing.tools.length ? listing.tools : shown
    },
  })
  return step(true)
}

/** A definition that cannot be read has no digest, and is like no other. */
function seenTool(tool: JsonObject): MaybePromise<SeenTool> {
  const name = toolName(tool)
  const unread: SeenTool = { name, digest: undefined }
  if (name === undefined) return unread
  try {
    const seen = andThen(toolDigest(tool), (digest): SeenTool => ({ name, digest }))
    return isPromise(seen) ? Promise.resolve(seen).catch(() => unread) : seen
  } catch {
    return unread
  }
}
