import type { DeadlineTable } from '../engine/records.js'
import type { Timed } from '../engine/timed.js'

/** What is due in one step. A step has one time, so that what the engine adds is never due. */
export class DueItems implements DeadlineTable {
  readonly #items = new Set<Timed>()

  get size(): number {
    return this.#items.size
  }

  /** Puts in what is due. */
  put(item: Timed): void {
    item.slot = 0
    this.#items.add(item)
  }

  add(): void {}

  remove(item: Timed): void {
    item.slot = -1
    this.#items.delete(item)
  }

  turn(_now: number, expire: (item: Timed) => void): void {
    const due = [...this.#items].sort((a, b) => a.deadline - b.deadline)
    for (const item of due) {
      // What ended before it may have taken it along.
      if (item.slot === -1) continue
      this.remove(item)
      expire(item)
    }
  }
}
