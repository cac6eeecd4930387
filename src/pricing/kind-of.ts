import { describeValue } from '../core/errors.js'

/** Why a value is no amount, without the value: it may be what an agent sent or a tool answered. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value !== 'number') return typeof value === 'object' ? describeValue(value) : `a ${typeof value}`
  if (value < 0) return 'a negative number'
  if (Number.isFinite(value)) return Number.isInteger(value) ? 'too large a number' : 'a fraction'
  return describeValue(value)
}
