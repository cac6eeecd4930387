import { chargeIdTime } from '../../core/ids.js'
import { ReplayMemory } from './replay-memory.js'
import { rememberedFrom, type HoldRecord } from '../engine/hold-record.js'
import type { HoldTable } from '../engine/records.js'

const MOST_FORFEITED = 10_000

/** All holds of the memory store: those that are open, and as many of the others as it remembers. */
export class MemoryHolds implements HoldTable {
  readonly #open = new Map<string, HoldRecord>()
  /** Those that ended or were refused. */
  readonly #ended = new ReplayMemory<HoldRecord>()
  /** Leases whose time was up, until what is left of them was given back: at most so many, the newest. */
  readonly #forfeited = new Map<string, HoldRecord>()
  #forgottenUpTo = 0
  /** The same for what will be forgotten next, and for all that ended. */
  #oldUpTo = 0
  #endedUpTo = 0

  isForgotten(minted: number): boolean {
    return minted <= this.#forgottenUpTo
  }

  find(id: string): HoldRecord | undefined {
    return this.#open.get(id) ?? this.#ended.get(id) ?? this.#forfeited.get(id)
  }

  place(hold: HoldRecord): void {
    this.#open.set(hold.id, hold)
  }

  end(hold: HoldRecord, now: number): void {
    this.#open.delete(hold.id)
    this.#forfeited.delete(hold.id)
    if (rememberedFrom(hold, now) > now) return this.#keep(hold)
    if (this.#ended.set(hold.id, hold, now)) {
      this.#forgottenUpTo = this.#oldUpTo
      this.#oldUpTo = this.#endedUpTo
    }
    this.#endedUpTo = Math.max(this.#endedUpTo, chargeIdTime(hold.id) ?? 0)
  }

  #keep(hold: HoldRecord): void {
    const [oldest] = this.#forfeited.keys()
    if (oldest !== undefined && this.#forfeited.size >= MOST_FORFEITED) this.#forfeited.delete(oldest)
    this.#forfeited.set(hold.id, hold)
  }
}
