import { systemClock, type Clock } from '../core/clock.js'
import { assertKeys, integer, misconfigured, oneOf, optionalText } from '../core/settings.js'
import { entriesOf } from './settings.js'
import { PriceList, type PriceMatch } from './price-list.js'
import { BudgetEvents } from '../core/events.js'
import type { RuleContext } from './compile-rule.js'
import type { PriceRule } from './price-rule.js'

/** What happens to a tool without a price: refused, priced by `defaultCost`, or let through for nothing and told of. */
export type Unpriced = 'deny' | 'default' | 'observe'

/** The prices of one server. A tool that they do not price is looked up in the general list. */
export interface ServerCosts {
  /** For every tool of this server that no other rule prices; without it the general list decides. */
  readonly defaultCost?: PriceRule
  /** As in {@link CostProfileOptions}. */
  readonly costs?: Readonly<Record<string, PriceRule>>
  /** Stands in the call records of this server's prices; the general `version` by default. */
  readonly version?: string
}

/** Settings of `withCostProfile`. */
export interface CostProfileOptions {
  /** What a tool costs that no other rule prices. */
  readonly defaultCost?: PriceRule
  /**
   * Prices by tool: a name; a prefix with one `*` at its end; or `*` for all. A name comes before prefixes, a longer
   * prefix before a shorter one.
   */
  readonly costs?: Readonly<Record<string, PriceRule>>
  /** Prices of single servers, by the name that the seat gave the server; never by what a server says of itself. */
  readonly servers?: Readonly<Record<string, ServerCosts>>
  /** `default` where there is a `defaultCost`, and then nothing else makes sense; otherwise `deny` by default. */
  readonly unpriced?: Unpriced
  /**
   * `false`: a call that this list would refuse passes for nothing, and is told of as `refused` with `enforced: false`.
   * For a budget that refuses nothing, in soft or shadow mode; `meter` sets it. `true` by default.
   */
  readonly enforce?: boolean
  /** Names this price list; stands in every call record, so that an old charge can be explained. */
  readonly version?: string
  /** Hears `unpriced`, `refused` and `fault`. */
  readonly events?: BudgetEvents
  readonly clock?: Clock
  /** How long a schema and a price function may take together: 1,000 by default. */
  readonly priceTimeoutMs?: number
}

/** A price list, compiled: what tools cost, for reports and listings as well as for calls. */
export interface CostProfile {
  readonly unpriced: Unpriced
  readonly enforce: boolean
  readonly version: string | undefined
  /**
   * What the list says of a tool; pure and synchronous, and as fast with 100,000 rules as with ten.
   *
   * @param tool the name exactly as it will be forwarded
   * @param server the name that the seat gave the server, if any
   */
  find(tool: string, server?: string): PriceMatch
}

const KEYS = [
  'defaultCost',
  'costs',
  'servers',
  'unpriced',
  'enforce',
  'version',
  'events',
  'clock',
  'priceTimeoutMs',
] as const satisfies ReadonlyArray<keyof CostProfileOptions>
const SERVER_KEYS = ['defaultCost', 'costs', 'version'] as const satisfies ReadonlyArray<keyof ServerCosts>

/**
 * Checks and compiles a price list. Later changes of `options` change nothing.
 *
 * Names that patterns match consist of 1 to 128 of `A–Z a–z 0–9 _ . - /`; any other name needs a rule of its own, or
 * takes the default. A name that differs from a priced one only in what a server may overlook (letter case, width,
 * invisible characters, space around it) is `ambiguous`, and so is one that begins with a wildcard's prefix only that
 * way.
 *
 * @throws BudgetError `invalid_config`, or `invalid_credits` for an amount, naming the setting
 * @example
 * ```ts
 * const profile = compileCostProfile({ defaultCost: 5, costs: { 'gpt4_*': 25 } })
 * const found = profile.find('gpt4_summarize')
 * if (found.kind === 'priced') console.log(found.credits, found.source.pattern) // 25 'gpt4_*'
 * ```
 */
export function compileCostProfile(options: CostProfileOptions): CostProfile {
  assertKeys(options, KEYS, 'options')
  const unpriced = unpricedOf(options)
  const version = optionalText(options.version, 'version')
  const context = contextOf(options)
  const general = new PriceList(options, '', { server: undefined, version }, context)
  const servers = new Map<string | undefined, PriceList>()
  for (const [server, own, path] of entriesOf(options.servers, 'servers')) {
    assertKeys(own, SERVER_KEYS, path)
    const costs = own as ServerCosts
    const owner = { server, version: optionalText(costs.version, `${path}.version`) ?? version }
    servers.set(server, new PriceList(costs, `${path}.`, owner, context))
  }
  return {
    unpriced,
    enforce: oneOf(options.enforce, [true, false], 'enforce'),
    version,
    find(tool, server) {
      const own = servers.get(server)?.find(tool)
      return own === undefined || own.kind === 'unpriced' ? general.find(tool) : own
    },
  }
}

/** Beside a default any other choice is a mistake, for one of the two would give work for free. */
function unpricedOf({ unpriced, defaultCost }: CostProfileOptions): Unpriced {
  return defaultCost === undefined
    ? oneOf(unpriced, ['deny', 'observe'], 'unpriced` without `defaultCost')
    : oneOf(unpriced, ['default'], 'unpriced` beside `defaultCost')
}

function contextOf({
  events = new BudgetEvents(),
  clock = systemClock,
  priceTimeoutMs,
}: CostProfileOptions): RuleContext {
  const bounds = { least: 1, most: Number.MAX_SAFE_INTEGER, otherwise: 1_000 }
  assertHas('after', clock, 'clock')
  assertHas('emit', events, 'events')
  return { events, clock, timeoutMs: integer(priceTimeoutMs, bounds, 'priceTimeoutMs') }
}

function assertHas(method: string, value: unknown, path: string): void {
  if (typeof (value as Readonly<Record<string, unknown>> | null)?.[method] === 'function') return
  throw misconfigured(path, `an object with \`${method}\``, value)
}
