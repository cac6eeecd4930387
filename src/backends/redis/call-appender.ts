import { Batcher } from './batcher.js'
import { budgetId } from '../../budget/budget-id.js'
import { CALLS_SCRIPT } from './scripts.js'
import { callKeysOf, NOWHERE } from './keys.js'
import { invalid, isCount } from '../../core/settings.js'
import { isCredits } from '../../core/credits.js'
import { isObject } from '../../core/json.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { CallRecord, FoldedCalls, LedgerRecord } from '../../ledger/entry.js'
import type { Partitions } from './partitions.js'
import type { RedisConnection } from './redis-connection.js'
import type { RedisSettings } from './options.js'

/** Writes call records, each into the partition of its first budget; what waits goes in one script. */
export class CallAppender {
  readonly #settings: RedisSettings
  readonly #connection: RedisConnection
  readonly #partitions: Partitions
  readonly #batchers = new Map<string, Batcher>()
  /** Names the batches of this process, so that one that a client sends twice is written once. */
  readonly #process = crypto.randomUUID()
  #batches = 0

  constructor(settings: RedisSettings, connection: RedisConnection, partitions: Partitions) {
    this.#settings = settings
    this.#connection = connection
    this.#partitions = partitions
  }

  /** @throws BudgetError `invalid_request` for what is no record of a call; then none was written */
  async append(records: readonly LedgerRecord[]): Promise<void> {
    const texts = new Map<string, readonly [records: string[], counts: string[]]>()
    for (const record of records) {
      assertCall(record)
      const partition = await this.#partitionOf(record.budgets[0])
      const known = texts.get(partition) ?? [[], []]
      texts.set(partition, known)
      known[record.kind === 'call' ? 0 : 1].push(JSON.stringify(record))
    }
    await Promise.all(Array.from(texts, ([partition, some]) => this.#batcher(partition).ask({ op: [...some] })))
  }

  // Whoever is refused names a budget, which need not be there: he would make up partitions for ever.
  async #partitionOf(budget: BudgetId | undefined): Promise<string> {
    if (budget === undefined) return NOWHERE
    const partition = this.#settings.partition(budgetId(budget))
    return (await this.#partitions.isListed(partition)) ? partition : NOWHERE
  }

  #batcher(partition: string): Batcher {
    let batcher = this.#batchers.get(partition)
    if (batcher === undefined) {
      const { prefix, maxEntries } = this.#settings
      const keys = callKeysOf(prefix, partition)
      batcher = new Batcher(async (requests) => {
        const args = [String(maxEntries), `${this.#process}-${++this.#batches}`, requests]
        return String(await this.#connection.run(CALLS_SCRIPT, keys, args))
      })
      this.#batchers.set(partition, batcher)
    }
    return batcher
  }
}

/** Far below what the script can read. */
const DEEPEST = 32

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1))
}

// What could not be counted when it is old would stop all that comes after it.
function assertCall(record: LedgerRecord): asserts record is CallRecord | FoldedCalls {
  if (!isObject(record) || (record.kind !== 'call' && record.kind !== 'calls'))
    throw invalid(
      'record',
      'one of a call: the store writes money entries itself',
      (record as Partial<LedgerRecord> | undefined)?.kind,
    )
  if (isDeeper(record, DEEPEST)) throw invalid('record', `nested at most ${DEEPEST} deep`, record)
  const { outcome, proves, tool, budgets } = record
  for (const [name, value] of Object.entries({ outcome, proves, tool }))
    if (typeof value !== 'string') throw invalid(`record.${name}`, 'a text', value)
  if (!Array.isArray(budgets) || !budgets.every((each) => typeof each === 'string'))
    throw invalid('record.budgets', 'a list of names', budgets)
  if (record.kind === 'call' && !isCount(record.at, 0)) throw invalid('record.at', 'a time', record.at)
  const {
    calls = 0,
    charged = 0,
    reported = 0,
  }: Partial<FoldedCalls> = record.kind === 'calls' ? record : (record.charge ?? {})
  for (const [name, value] of Object.entries({ calls, charged, reported }))
    if (!isCredits(value)) throw invalid(`record.${name}`, 'an integer from 0 to 2^53−1', value)
}
