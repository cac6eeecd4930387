import { describeValue } from '../core/errors.js'

/** Why a value is no amount, without the value: it may be what an agent sent or a tool answered. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value !== 'number') return typeof value === 'object' ? describeValue(value) : `a ${typeof value}`
  if (Number.isNaN(value)) return 'a number that is none (NaN)'
  if (!Number.isFinite(value)) return 'an infinite number'
  if (value < 0) return 'a negative number'
  return Number.isInteger(value) ? 'too large a number' : 'a fraction'
}
