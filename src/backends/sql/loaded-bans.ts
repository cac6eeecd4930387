import { Revocations } from '../engine/revocations.js'
import type { BanRow } from './rows.js'

const KINDS = ['prefixes', 'nonces', 'cutoffs'] as const

/** The bans that the requests of a step ask about, by partition. */
export class LoadedBans {
  readonly byPartition = new Map<string, Revocations>()
  readonly #rows = new Map<string, BanRow>()

  /** Puts in what was loaded of all partitions that are touched; `sizes`: how many bans those have that were counted. */
  load(partitions: Iterable<string>, rows: readonly BanRow[], sizes: ReadonlyMap<string, number>): void {
    for (const partition of partitions) {
      const own = rows.filter((row) => row.partition === partition)
      const counted = own.filter(({ kind }) => kind !== 'cutoffs').length
      const revocations = new Revocations(Math.max(0, (sizes.get(partition) ?? 0) - counted))
      // What was never banned is not looked up; whether something was is not known here.
      revocations.version = 1
      for (const row of own) {
        this.#rows.set(keyOf(row), row)
        const table = KINDS.find((kind) => kind === row.kind)
        if (table !== undefined) revocations[table].set(row.id, row.value ?? Infinity)
      }
      this.byPartition.set(partition, revocations)
    }
  }

  changes(): BanRow[] {
    const changed: BanRow[] = []
    for (const [partition, revocations] of this.byPartition) {
      for (const kind of KINDS) {
        for (const [id, at] of revocations[kind]) {
          const row = { partition, id, kind, value: at < Infinity ? at : null }
          if (this.#rows.get(keyOf(row))?.value !== row.value) changed.push(row)
        }
      }
    }
    return changed
  }
}

function keyOf({ partition, id, kind }: BanRow): string {
  return JSON.stringify([partition, id, kind])
}
