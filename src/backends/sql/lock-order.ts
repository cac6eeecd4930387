import { NOWHERE } from './loaded-holds.js'

/** Partitions in the order in which every process locks them: by name, and last of all that of what has none. */
export function lockOrder(partitions: Iterable<string>): string[] {
  const ids = new Set(partitions)
  const isNowhere = ids.delete(NOWHERE)
  return isNowhere ? [...[...ids].sort(), NOWHERE] : [...ids].sort()
}
