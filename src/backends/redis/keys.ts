import { BudgetError, describeValue } from '../../core/errors.js'

/** The keys of a partition, in the order in which the script takes them. */
export const KEY_NAMES = ['records', 'children', 'deadlines', 'forget', 'ledger', 'openings'] as const

/** The keys of a partition's call records, in the order in which their script takes them. */
export const CALL_KEY_NAMES = ['calls', 'folded', 'batches'] as const

/** Where records of calls are that had no budget of ours: it is no partition of budgets. */
export const NOWHERE = ''

/**
 * The keys of a partition. What stands in braces decides the hash slot, so that one script may have them all.
 *
 * @throws BudgetError `invalid_config` for a partition that would put them into several
 * @example keysOf('mcp-budget:', 'default')[0] // 'mcp-budget:{default}:records'
 */
export function keysOf(prefix: string, partition: unknown): readonly string[] {
  if (typeof partition !== 'string' || !/^[^{}]{1,128}$/.test(partition)) {
    throw new BudgetError({
      code: 'invalid_config',
      message: `Expected \`partition\` to give text of 1 to 128 characters without braces, got ${describeValue(partition)}`,
    })
  }
  return KEY_NAMES.map((name) => `${prefix}{${partition}}:${name}`)
}

/** The keys of a partition's call records, in the slot of the others. */
export function callKeysOf(prefix: string, partition: string): readonly string[] {
  // Two colons: whatever partitions are called, none has these keys.
  const tag = partition === NOWHERE ? '{nowhere}:' : `{${partition}}`
  return CALL_KEY_NAMES.map((name) => `${prefix}${tag}:${name}`)
}

/** The key of the set of all partitions. */
export function partitionsKey(prefix: string): string {
  return `${prefix}partitions`
}
