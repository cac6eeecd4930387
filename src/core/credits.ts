import { BudgetError, describeValue } from './errors.js'

/**
 * Integer money: a safe integer from 0 to 2^53−1. Never a float (0.1 + 0.2), never a bigint (JSON and Redis Lua are
 * exact only to 2^53−1). What a credit is worth is the operator's choice.
 */
export type Credits = number

/** The largest amount that is exact everywhere: 2^53−1. */
export const MAX_CREDITS: Credits = Number.MAX_SAFE_INTEGER

/** Whether a value can be an amount: a safe integer, not negative. `-0` counts as 0. */
export function isCredits(value: unknown): value is Credits {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/**
 * Checks an amount at a border.
 *
 * @param what names the amount in the error, such as `amount` or `costs.web_search`
 * @throws BudgetError `invalid_credits` when it is not a safe integer from 0 to 2^53−1
 */
export function assertCredits(value: unknown, what: string): asserts value is Credits {
  if (isCredits(value)) return
  throw new BudgetError({
    code: 'invalid_credits',
    message: `Expected \`${what}\` to be an integer from 0 to ${MAX_CREDITS}, got ${describeValue(value)}`,
  })
}

/**
 * A part of an amount in basis points (1/100 of a percent), rounded up: an amount finer than the unit is never lost.
 * Computed without leaving 2^53.
 *
 * @example basisPoints(10, 2_500) // 3
 */
export function basisPoints(amount: Credits, bps: number): Credits {
  const whole = Math.floor(amount / 10_000)
  const rest = amount % 10_000
  return whole * bps + Math.ceil((rest * bps) / 10_000)
}

const DECIMAL = /^(\d{1,30})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,3}))?$/

/**
 * Turns a decimal in a larger unit into credits, exactly, rounded up. `undefined` for anything that is not a plain,
 * finite, non-negative decimal within 2^53−1 credits.
 *
 * @param value the decimal, as text or as the number that JSON gave; its shortest decimal form is what counts
 * @param creditsPerUnit how many credits one unit is worth
 * @example decimalToCredits('0.0071', 1_000) // 8: 7.1 thousandths of a dollar, rounded up
 */
export function decimalToCredits(value: unknown, creditsPerUnit: Credits): Credits | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  const match = DECIMAL.exec(String(value))
  if (!match) return undefined
  const [, whole = '', fraction = '', exponent = '0'] = match
  const scale = fraction.length - Number(exponent)
  const scaled = BigInt(whole + fraction) * BigInt(creditsPerUnit) * 10n ** BigInt(Math.max(0, -scale))
  const divisor = 10n ** BigInt(Math.max(0, scale))
  const credits = (scaled + divisor - 1n) / divisor
  return credits <= BigInt(MAX_CREDITS) ? Number(credits) : undefined
}
