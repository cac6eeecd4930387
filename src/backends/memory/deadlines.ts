import type { DeadlineTable } from '../engine/records.js'
import type { Timed } from '../engine/timed.js'

const SLOT_MS = 64
const SLOTS = 2048

/**
 * Deadlines of a million holds without a timer: a hashed timing wheel (Varghese and Lauck 1987, scheme 6) that is
 * turned by whoever asks. Adding and removing cost the same whatever the number; what is due comes out exactly at its
 * deadline, not a slot later.
 */
export class Deadlines implements DeadlineTable {
  readonly #heads: Array<Timed | undefined> = []
  // To the millisecond: the slot of the present is looked at once in each, however often somebody asks.
  #turnedTo: number
  #count = 0

  constructor(now: number) {
    this.#turnedTo = now
  }

  /** How many deadlines are set. */
  get size(): number {
    return this.#count
  }

  add(item: Timed): void {
    // A deadline in the past is due at once.
    if (item.deadline <= this.#turnedTo) this.#turnedTo = item.deadline - 1
    const slot = slotNumber(item.deadline) % SLOTS
    const head = this.#heads[slot]
    item.slot = slot
    item.previous = undefined
    item.next = head
    if (head !== undefined) head.previous = item
    this.#heads[slot] = item
    this.#count++
  }

  remove(item: Timed): void {
    if (item.slot === -1) return
    if (item.previous === undefined) this.#heads[item.slot] = item.next
    else item.previous.next = item.next
    if (item.next !== undefined) item.next.previous = item.previous
    item.slot = -1
    item.next = undefined
    item.previous = undefined
    this.#count--
  }

  /** Takes out all that is due and hands it to `expire`, in the order of the deadlines. After a throw the rest stays due. */
  turn(now: number, expire: (item: Timed) => void): void {
    if (now <= this.#turnedTo) return
    const to = slotNumber(now)
    // A jump of more than one turn visits each slot once.
    const from = this.#count === 0 ? to : Math.max(slotNumber(this.#turnedTo), to - SLOTS + 1)
    const due: Timed[] = []
    for (let number = from; number <= to; number++) {
      for (let item = this.#heads[number % SLOTS]; item !== undefined; item = item.next) {
        if (item.deadline <= now) due.push(item)
      }
    }
    if (due.length > 1) due.sort((a, b) => a.deadline - b.deadline)
    for (const item of due) this.#expire(item, expire)
    this.#turnedTo = now
  }

  #expire(item: Timed, expire: (item: Timed) => void): void {
    // What ended before it may have taken it along.
    if (item.slot === -1) return
    this.remove(item)
    try {
      expire(item)
    } catch (error) {
      this.add(item)
      throw error
    }
  }
}

function slotNumber(ms: number): number {
  return Math.floor(ms / SLOT_MS)
}
