import { BudgetEvents, callRef } from '../core/events.js'
import { copyCall, type ToolCall } from '../core/call.js'
import { isObject, type JsonObject } from '../core/json.js'
import { isPromise } from '../core/maybe-promise.js'
import { compileCostProfile, type CostProfileOptions } from './cost-profile.js'
import { outcomePrice } from './outcome-price.js'
import { unpriced } from './unpriced.js'
import type { CallMiddleware } from '../core/middleware.js'
import type { Price, Priced } from '../core/price.js'
import type { Refusal } from '../core/refusal.js'
import type { PriceMatch } from './price-list.js'

/** The `_meta` key of a tool's price in `tools/list`: `{ credits, unit }`, or `{ max, unit }` for the most it may cost. */
export const COST_META = 'dev.mcp-budget/cost'

/**
 * Puts a price on every call: exact name → longest wildcard → `*` → default, first in the list of the call's server,
 * then in the general one. Gives `cost`, what is held, and `price`, what each outcome is charged and by which rule.
 *
 * Tools that a server's `tools/list` shows carry their price in `_meta['dev.mcp-budget/cost']`, where it is known before the call.
 *
 * Refuses, before any balance is read:
 *
 * - `unpriced_tool`, with the reason `unpriced` (no rule and no default); `ambiguous_tool_name` (a server may read the
 *   name as that of a priced tool); `invalid_arguments` (the rule's schema found fault); `price_failed`,
 *   `price_timeout`, `invalid_price` (a price function threw, was too slow, gave no amount);
 * - `invalid_request`, with the reason `too_large` or `invalid_request`: arguments no price function may be shown.
 *
 * @throws BudgetError `invalid_config` or `invalid_credits`: a mistake in the options, named by its path
 * @example
 * ```ts
 * const meter = compose(
 *   withCostProfile({
 *     defaultCost: 5,
 *     costs: { web_search: 5, 'gpt4_*': 25, draw: (args) => (args?.size === 'large' ? 50 : 20) },
 *     version: '2026-11-01',
 *   }),
 *   withBudget({ enforcer, budget: 'agent-1' }),
 * )
 * ```
 */
export function withCostProfile(options: CostProfileOptions): CallMiddleware<unknown, Priced> {
  const profile = compileCostProfile(options)
  const { events = new BudgetEvents() } = options
  const { version } = profile
  const free = outcomePrice(Object.freeze({ rule: 'unpriced', pattern: '', server: undefined, version }), 0, {})

  function withoutPrice(call: ToolCall, match: Exclude<PriceMatch, { kind: 'priced' }>): Price | Refusal {
    if (match.kind === 'ambiguous') return unpriced(call, 'ambiguous_tool_name', { like: match.like })
    if (profile.unpriced !== 'observe') return unpriced(call, 'unpriced')
    events.emit('unpriced', { call: callRef(call) })
    return free
  }

  function settle(call: ToolCall, found: Price | Refusal): (ToolCall & Priced) | Refusal {
    const refused = 'kind' in found
    if (refused) events.emit('refused', { call: callRef(call), refusal: found, enforced: profile.enforce })
    if (refused && profile.enforce) return found
    const priced = copyCall(call)
    priced.price = refused ? { ...free, refusal: found } : found
    priced.cost = priced.price.cost
    return priced as ToolCall & Priced
  }

  function shown(tool: JsonObject, server: string | undefined): JsonObject {
    const match = typeof tool.name === 'string' ? profile.find(tool.name, server) : undefined
    if (match?.kind !== 'priced') return tool
    const { credits, max } = match
    const cost = credits === undefined ? (max === undefined ? undefined : { max }) : { credits }
    if (cost === undefined) return tool
    const meta = isObject(tool._meta) ? tool._meta : {}
    return { ...tool, _meta: { ...meta, [COST_META]: { ...cost, unit: 'credits' } } }
  }

  return {
    name: 'withCostProfile',
    gives: ['cost', 'price'],
    // What a stranger sends is priced for nobody.
    uses: ['principal'],
    ...(profile.enforce && { inShadow: () => withCostProfile({ ...options, enforce: false }) }),
    listTools: ({ tools, server, side }) =>
      side === 'client' ? tools : tools.map((tool) => (isObject(tool) ? shown(tool, server) : tool)),
    enter(call) {
      const match = profile.find(call.tool, call.server)
      const price = match.kind === 'priced' ? match.price(call) : withoutPrice(call, match)
      return isPromise(price) ? price.then((later) => settle(call, later)) : settle(call, price)
    },
  }
}
