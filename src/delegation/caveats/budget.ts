import type { CaveatKind } from '../caveat.js'

const ID = /^[A-Za-z0-9_-]{22}$/

/**
 * `budget=<id>`: from here on another budget pays. Only a server writes one that counts: the store has it registered at
 * exactly this prefix of exactly this token, and denies any other.
 */
export const budget: CaveatKind<string> = {
  name: 'budget',
  parse: (value) => (ID.test(value) ? value : undefined),
  holds: () => true,
}
