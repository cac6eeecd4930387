import { isObject, type JsonObject } from '../core/json.js'
import { jsonDigest } from '../core/digest.js'
import { misconfigured } from '../core/settings.js'
import { entriesOf } from './settings.js'
import type { MaybePromise } from '../core/maybe-promise.js'

/** How many definitions are remembered of each server, beside those that have a pin. */
export const REMEMBERED = 10_000

/** How long the name of a tool may be, as in price lists. */
const LONGEST_NAME = 1_024

/** Pins by tool: 64 hex digits, as {@link toolDigest} gives them. */
export type ToolPinList = Readonly<Record<string, string>>

/**
 * What a tool's definition is, as 64 hex digits: SHA-256 over its canonical JSON (RFC 8785). All keys count, also those
 * that nobody knows yet, but `_meta` and `icons`: no model is shown them, and servers put what changes daily there.
 *
 * @param definition a tool as `tools/list` shows it
 * @throws BudgetError `invalid_request` when it is no JSON, `too_large` when it is beyond the limits
 * @example
 * ```ts
 * const { tools } = await client.listTools()
 * for (const tool of tools) console.log(tool.name, await toolDigest(tool))
 * ```
 */
export function toolDigest(definition: JsonObject): MaybePromise<string> {
  const { _meta, icons: _icons, ...counted } = definition
  return jsonDigest(counted)
}

/** A definition of a list: its name, if it has one that can be called, and its digest, if it can be read. */
export interface SeenTool {
  readonly name: string | undefined
  readonly digest: string | undefined
}

/** The name of a tool, if it can be remembered. */
export function toolName(tool: unknown): string | undefined {
  const name = isObject(tool) ? tool.name : undefined
  return typeof name === 'string' && name.length <= LONGEST_NAME ? name : undefined
}

/** A definition that is not what it was. */
export interface ToolChange {
  readonly server: string | undefined
  readonly tool: string
  readonly from: string | undefined
  readonly to: string | undefined
}

/** `same` as it was, or not seen yet; `full`: not seen as far as anybody remembers, for no more can be remembered. */
export type ToolStanding = 'same' | 'changed' | 'full'

interface Known {
  /** The definition it is held to; none until one is seen that can be read. */
  pin: string | undefined
  /** The definition that was shown last. */
  now: string | undefined
}

/** What the tools of each server are pinned to, and what they are shown as now. Trusts what it sees first. */
export class ToolPins {
  readonly #general: ReadonlyMap<string, string>
  readonly #servers: ReadonlyMap<string | undefined, ReadonlyMap<string, string>>
  readonly #known = new Map<string | undefined, Map<string, Known>>()

  /** @throws BudgetError `invalid_config` for a pin that is none */
  constructor(pins: unknown, servers: unknown) {
    this.#general = pinsOf(pins, 'pins')
    this.#servers = new Map(entriesOf(servers, 'servers').map(([server, own, path]) => [server, pinsOf(own, path)]))
  }

  /** Takes note of one list and answers with what changed. `onFull` is told of a tool that could not be remembered. */
  see(server: string | undefined, tools: readonly SeenTool[], onFull: () => void): ToolChange[] {
    const shown = new Map<string, string | undefined>()
    for (const { name, digest } of tools) {
      // Of two definitions of one name nobody can say which one a call will meet.
      if (name !== undefined) shown.set(name, shown.has(name) ? undefined : digest)
    }
    const known = this.#of(server)
    const changes: ToolChange[] = []
    for (const [tool, to] of shown) {
      const pin = this.#pinOf(server, tool)
      const before = known.get(tool) ?? (pin === undefined ? undefined : { pin, now: pin })
      if (before === undefined && known.size >= REMEMBERED) {
        onFull()
        continue
      }
      const isNew = before === undefined && to !== undefined
      if (!isNew && (before === undefined || before.now !== to)) changes.push({ server, tool, from: before?.now, to })
      known.set(tool, { pin: before?.pin ?? to, now: to })
    }
    return changes
  }

  /** How a tool is shown now, against its pin or what was seen first. */
  standing(server: string | undefined, tool: string): ToolStanding {
    const known = this.#known.get(server)
    const found = known?.get(tool)
    if (found !== undefined) return found.now !== undefined && found.now === found.pin ? 'same' : 'changed'
    if (tool.length > LONGEST_NAME) return 'full'
    if (this.hasPin(server, tool) || known === undefined || known.size < REMEMBERED) return 'same'
    return 'full'
  }

  /** Whether a pin was given for a tool. */
  hasPin(server: string | undefined, tool: string): boolean {
    return this.#pinOf(server, tool) !== undefined
  }

  #of(server: string | undefined): Map<string, Known> {
    const known = this.#known.get(server) ?? new Map<string, Known>()
    this.#known.set(server, known)
    return known
  }

  #pinOf(server: string | undefined, tool: string): string | undefined {
    return this.#servers.get(server)?.get(tool) ?? this.#general.get(tool)
  }
}

function pinsOf(pins: unknown, path: string): ReadonlyMap<string, string> {
  const checked = entriesOf(pins, path).map(([tool, pin, at]) => {
    if (typeof pin === 'string' && /^[0-9a-f]{64}$/.test(pin)) return [tool, pin] as const
    throw misconfigured(at, '64 hex digits, as `toolDigest` gives them', pin)
  })
  return new Map(checked)
}
