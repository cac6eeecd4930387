import { chargeIdTime } from '../../core/ids.js'
import { ReplayMemory } from './replay-memory.js'
import type { HoldRecord } from '../engine/hold-record.js'
import type { HoldTable } from '../engine/records.js'

/** All holds of the memory store: those that are open, and as many of the others as it remembers. */
export class MemoryHolds implements HoldTable {
  readonly #open = new Map<string, HoldRecord>()
  /** Those that ended or were refused. */
  readonly #ended = new ReplayMemory<HoldRecord>()
  #forgottenUpTo = 0
  /** The same for what will be forgotten next, and for all that ended. */
  #oldUpTo = 0
  #endedUpTo = 0

  isForgotten(minted: number): boolean {
    return minted <= this.#forgottenUpTo
  }

  find(id: string): HoldRecord | undefined {
    return this.#open.get(id) ?? this.#ended.get(id)
  }

  place(hold: HoldRecord): void {
    this.#open.set(hold.id, hold)
  }

  end(hold: HoldRecord, now: number): void {
    this.#open.delete(hold.id)
    if (this.#ended.set(hold.id, hold, now)) {
      this.#forgottenUpTo = this.#oldUpTo
      this.#oldUpTo = this.#endedUpTo
    }
    this.#endedUpTo = Math.max(this.#endedUpTo, chargeIdTime(hold.id) ?? 0)
  }
}
