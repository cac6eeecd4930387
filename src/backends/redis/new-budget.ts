import { digitsOr, sound } from './step.js'
import type { NewBudget } from '../../budget/moves.js'

/** The `create` of a transfer, as the script takes it: whether, or where it is registered, when it ends, and its caps. */
export function createAsList(create: boolean | NewBudget): unknown {
  if (typeof create === 'boolean') return create
  const { registration, expiresAt, caps: { depth, children, amount } = {} } = create
  return [sound(registration), ...[expiresAt, depth, children, amount].map(digitsOr)]
}
