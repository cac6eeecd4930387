import { MAX_CREDITS, type Credits } from 'mcp-budget'
import { usage } from './cli-error.js'

/**
 * An amount as it was typed: digits, and nothing else. `1e3` and `1,000` are mistakes more often than amounts.
 *
 * @throws CliError `usage`
 */
export function amountOf(typed: string, { what = 'the amount', least = 0 } = {}): Credits {
  const amount = /^(?:0|[1-9]\d{0,15})$/.test(typed) ? Number(typed) : NaN
  if (amount >= least && amount <= MAX_CREDITS) return amount
  throw usage(`Expected ${what} to be digits from ${least} to ${MAX_CREDITS}, got ${shown(typed)}`)
}

/** What was typed, where that is short enough to be a slip and no secret. */
export function shown(typed: string): string {
  return typed.length <= 32 ? JSON.stringify(typed) : `${typed.length} characters`
}
