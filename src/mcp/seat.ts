import { assertKeys, misconfigured, oneOf, optionalText } from '../core/settings.js'
import { isObject } from '../core/json.js'
import { REFUSALS } from '../core/refusal.js'
import { flattenSteps } from '../core/compose.js'
import { systemClock, type Clock } from '../core/clock.js'
import type { CallMiddleware } from '../core/middleware.js'
import type { RefusalCodes } from './refusal.js'

/** Settings of a seat, given before the steps. */
export interface SeatOptions {
  /** What this server is called in price lists and patterns; never what the peer says of itself. */
  readonly server?: string
  /** How a refusal is answered: a JSON-RPC `error` (default, what programs see), or an `isError` `result` (what models see). */
  readonly refusal?: 'error' | 'result'
  /** Other JSON-RPC codes, by slug. */
  readonly codes?: RefusalCodes
  readonly clock?: Clock
}

/** A seat's settings and steps, checked. */
export interface Seat {
  readonly server: string | undefined
  readonly refusal: 'error' | 'result'
  readonly codes: RefusalCodes
  readonly clock: Clock
  readonly steps: readonly CallMiddleware[]
}

/**
 * Reads what follows the wrapped thing: settings, if the first is no step, then steps.
 *
 * @throws BudgetError `invalid_config`, `wrong_order`
 */
export function readSeat(who: string, given: readonly (SeatOptions | CallMiddleware)[]): Seat {
  const [first, ...rest] = given
  const hasOptions = isObject(first) && !('name' in first)
  const options = (hasOptions ? first : {}) as SeatOptions
  const steps = flattenSteps((hasOptions ? rest : given) as readonly CallMiddleware[])
  if (steps.length === 0) throw misconfigured(who, 'given steps', steps, 'none')
  assertKeys(options, ['server', 'refusal', 'codes', 'clock'], 'options')
  const { codes = {}, clock = systemClock } = options
  const server = optionalText(options.server, 'server')
  const refusal = oneOf(options.refusal, ['error', 'result'], 'refusal')
  assertKeys(codes, Object.keys(REFUSALS), 'codes')
  for (const [slug, code] of Object.entries(codes)) {
    if (!Number.isSafeInteger(code)) throw misconfigured(`codes.${slug}`, 'an integer', code)
  }
  return { server, refusal, codes, clock, steps }
}
