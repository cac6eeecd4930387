import type { Credits } from '../core/credits.js'
import type { JsonObject } from '../core/json.js'
import type { MaybePromise } from '../core/maybe-promise.js'
import type { ToolCall } from '../core/call.js'
import type { StandardSchemaV1 } from './standard-schema.js'

/**
 * What a tool costs:
 *
 * - a number: a fixed price, an integer from 0 to 2^53−1;
 * - a function of the call's arguments;
 * - a {@link PricedRule}: a price with a schema, a maximum, or other prices for other outcomes;
 * - a {@link MeteredRule}: the result says what the call cost.
 *
 * @example
 * ```ts
 * const rules: Record<string, PriceRule> = {
 *   web_search: 5,
 *   draw: (args) => (args?.size === 'large' ? 50 : 20),
 *   book: { price: 10, failed: 2 },
 *   tts: { max: 50, metered: { pointer: '/structuredContent/usage/credits' } },
 * }
 * ```
 */
export type PriceRule = Credits | PriceFunction | PricedRule | MeteredRule

/**
 * Computes an amount from a call. A throw, a promise slower than `priceTimeoutMs`, and anything but an integer from 0
 * to 2^53−1 refuse the call.
 *
 * Typed as a method, so that a function that names the type of its validated arguments fits too.
 *
 * @param args a deep-frozen copy of the arguments, raw; or, with a schema, what the schema made of them
 * @param call the call, its `args` the same copy
 */
export type PriceFunction = { price(args: JsonObject | undefined, call: ToolCall): MaybePromise<Credits> }['price']

/** What calls cost that did not simply run. The hold is the largest of all. */
export interface OutcomePrices {
  /** A call that proves `failed`: the tool's own error, or a JSON-RPC error. The same as one that ran by default. */
  readonly failed?: Credits
  /**
   * A call that was cancelled after it was sent (`unknown`). The same as one that ran by default; metered: the whole
   * hold. A hold that is kept until its time is up is charged whole.
   */
  readonly unknown?: Credits
}

/**
 * A price with more to it.
 *
 * @example
 * ```ts
 * withCostProfile({ costs: {
 *   draw: { schema: z.object({ n: z.int().min(1).max(10) }), price: (args: { n: number }) => args.n * 20, max: 200 },
 * } })
 * ```
 */
export interface PricedRule extends OutcomePrices {
  readonly price: Credits | PriceFunction
  /** Only beside a function: arguments that it finds wrong refuse the call, and the function gets its output, frozen. */
  readonly schema?: StandardSchemaV1
  /** Only beside a function: a computed price above it is refused as `invalid_price`, never cut. */
  readonly max?: Credits
}

/**
 * A price that the result reports: `max` is held, and what was reported is charged. A report that is missing or no
 * amount is not trusted: the whole hold is charged, and the event `fault` says so. A report above the hold is handed
 * on as it is; `overage` of `withBudget` decides.
 *
 * @example
 * ```ts
 * withCostProfile({ costs: {
 *   tts: { max: 50, metered: { meta: 'example.com/usage', pointer: '/usd' }, creditsPerUnit: 1_000 },
 * } })
 * ```
 */
export interface MeteredRule extends OutcomePrices {
  /** What is held: the most that a call may cost, or a function of the arguments that says it. */
  readonly max: Credits | PriceFunction
  /** Only where `max` is a function, as in {@link PricedRule}. */
  readonly schema?: StandardSchemaV1
  readonly metered: Metering
  /**
   * How many credits one reported unit is worth, from 1 up. The report is then a decimal in that unit, a number or
   * text, and is rounded up to whole credits. Without it the report must be an integer amount of credits.
   */
  readonly creditsPerUnit?: Credits
}

/**
 * Where a result says what the call cost.
 *
 * - `meta`: a key of the result's `_meta`, and with `pointer` a place in its value;
 * - `pointer`: a JSON pointer (RFC 6901) into the result;
 * - `from`: a function of the result, which must not change it.
 */
export type Metering =
  | { readonly meta: string; readonly pointer?: string }
  | { readonly pointer: string }
  | { readonly from: (result: JsonObject) => unknown }
