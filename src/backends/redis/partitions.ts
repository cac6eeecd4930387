import { Batcher, type Told } from './batcher.js'
import { HoldsIndex } from './holds-index.js'
import { keysOf, partitionsKey } from './keys.js'
import { PARTITION_SCRIPT } from './scripts.js'
import type { RedisConnection } from './redis-connection.js'
import type { RedisSettings } from './options.js'
import { sound, type Step } from './step.js'

/** Everything that is asked of Redis, by partition. */
export class Partitions {
  readonly #settings: RedisSettings
  readonly #connection: RedisConnection
  readonly #batchers = new Map<string, Batcher>()
  readonly #listed = new Set<string>()
  readonly #holds = new HoldsIndex()

  constructor(settings: RedisSettings, connection: RedisConnection) {
    this.#settings = settings
    this.#connection = connection
  }

  /** @throws BudgetError `invalid_config` for a server that throws keys away */
  check(): Promise<void> {
    return this.#connection.check(partitionsKey(this.#settings.prefix))
  }

  ask(partition: string, step: Step): Promise<Told> {
    let batcher = this.#batchers.get(partition)
    if (batcher === undefined) this.#batchers.set(partition, (batcher = this.#batcher(partition)))
    return batcher.ask(step)
  }

  /** As `ask`, for a request about a hold: whoever ends it finds it again. */
  askOfHold(partition: string, holdId: string, step: Step): Promise<Told> {
    this.#holds.note(holdId, partition)
    return this.ask(partition, step)
  }

  /** Puts a partition on the list of all of them; `undefined` when this process has done so before. */
  list(partition: string): Promise<void> | undefined {
    if (this.#listed.has(partition)) return undefined
    const key = partitionsKey(this.#settings.prefix)
    return this.#connection.send(key, ['SADD', key, partition]).then(() => void this.#listed.add(partition))
  }

  /** Whether a partition is on that list. Only those are remembered that are: whoever asks may make names up. */
  async isListed(partition: string): Promise<boolean> {
    if (this.#listed.has(partition)) return true
    const key = partitionsKey(this.#settings.prefix)
    const isListed = Number(await this.#connection.send(key, ['SISMEMBER', key, partition])) === 1
    if (isListed) this.#listed.add(partition)
    return isListed
  }

  async all(): Promise<readonly string[]> {
    const key = partitionsKey(this.#settings.prefix)
    // Some clients read a set as a `Set`.
    return [...((await this.#connection.send(key, ['SMEMBERS', key])) as Iterable<string>)].sort()
  }

  /** Where this process has seen a hold. */
  seenIn(holdId: string): string | undefined {
    return this.#holds.find(holdId)
  }

  /** Where a hold is that another process placed: wherever it is found. */
  async search(holdId: string): Promise<string | undefined> {
    for (const partition of await this.all()) {
      const [said] = await this.ask(partition, { op: ['find', sound(holdId), false, []] })
      if (said === 'known') return partition
    }
    return undefined
  }

  #batcher(partition: string): Batcher {
    const { prefix, maxEntries, remembered, clock } = this.#settings
    const keys = keysOf(prefix, partition)
    const limits = [String(maxEntries), String(remembered)]
    return new Batcher(async (requests) => {
      const time = clock === undefined ? '' : String(clock.now())
      return String(await this.#connection.run(PARTITION_SCRIPT, keys, [time, ...limits, requests]))
    })
  }
}
