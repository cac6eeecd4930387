const BRAND = Symbol.for('dev.mcp-budget.error')

/** What went wrong, as one word; every one has a heading in docs/reference/errors.md. */
export type BudgetErrorCode =
  | 'invalid_credits'
  | 'invalid_budget_id'
  | 'invalid_config'
  | 'invalid_request'
  | 'too_large'
  | 'unknown_budget'
  | 'budget_exists'
  | 'cross_partition'
  | 'id_reused'
  | 'not_supported'
  | 'timeout'
  | 'transport_closed'
  | 'wrong_order'
  | 'already_wrapped'
  | 'already_connected'
  | 'not_metered'
  | 'invalid_token'
  | 'clock_skew'
  | 'store_unavailable'
  | 'invalid_store'
  | 'ledger_gap'
  | 'injected_fault'

/**
 * A misuse or a fault. A refusal is never one of these: it is a returned value (see `Refusal`).
 *
 * @property code the slug, the same word in the docs
 * @property help where the docs explain it
 * @example
 * ```ts
 * try { enforcer.grant({ id, budget, amount: 0.5 }) } catch (e) { if (BudgetError.isInstance(e)) console.log(e.code) }
 * ```
 */
export class BudgetError extends Error {
  readonly code: BudgetErrorCode
  readonly help: string

  constructor(options: { code: BudgetErrorCode; message: string; cause?: unknown }) {
    super(options.message, options)
    this.name = 'BudgetError'
    this.code = options.code
    this.help = `docs/reference/errors.md#${options.code}`
    Object.defineProperty(this, BRAND, { value: true })
  }

  /** Works across copies of this package (ESM beside CJS), where `instanceof` does not. */
  static isInstance(value: unknown): value is BudgetError {
    return Object.hasOwn(Object(value) as object, BRAND)
  }
}

/**
 * How a wrong value reads in an error: its type, and its text where that is short and a primitive. Objects and long
 * strings are named by type only, because they may carry what an agent sent.
 */
export function describeValue(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'string') {
    if (value.includes('://')) return 'a URL (string)' // of a store, with its password
    return value.length <= 64 ? `${JSON.stringify(value)} (string)` : `a string of ${value.length} characters`
  }
  if (typeof value === 'number' || typeof value === 'boolean' || value === undefined) return `\`${String(value)}\``
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
