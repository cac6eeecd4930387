import { BudgetError, describeValue } from '../../core/errors.js'

/** The keys of a partition, in the order in which the script takes them. */
export const KEY_NAMES = ['records', 'children', 'deadlines', 'forget', 'ledger'] as const

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

/** The key of the set of all partitions. */
export function partitionsKey(prefix: string): string {
  return `${prefix}partitions`
}
