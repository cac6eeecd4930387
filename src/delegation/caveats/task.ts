import { parseWord } from './grammar.js'
import type { CaveatKind } from '../caveat.js'

/** `task=<operation id>`: only for this piece of work. */
export const task: CaveatKind<string> = {
  name: 'task',
  reason: 'task_mismatch',
  parse: parseWord,
  holds: (wanted, { operationId }) => wanted === operationId,
}
