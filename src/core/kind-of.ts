import { describeValue } from './errors.js'

/** Why a value is no amount, without the value: it may be what an agent sent or a tool answered. */
export function kindOf(value: unknown): string {
  if (typeof value === 'number') return value % 1 ? 'a fraction' : 'a number out of range'
  return typeof value === 'object' || value === undefined ? describeValue(value) : `a ${typeof value}`
}
