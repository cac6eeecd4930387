/** Something with a deadline, linked into a slot of the wheel. Owned by {@link Deadlines} while `slot` is not −1. */
export interface Timed {
  /** Milliseconds on the wheel's clock. */
  deadline: number
  slot: number
  next: Timed | undefined
  previous: Timed | undefined
}

const SLOT_MS = 64
const SLOTS = 2048

/**
 * Deadlines of a million holds without a timer: a hashed timing wheel (Varghese and Lauck 1987, scheme 6) that is
 * turned by whoever asks. Adding and removing cost the same whatever the number; what is due comes out exactly at its
 * deadline, not a slot later.
 */
export class Deadlines {
  readonly #heads: Array<Timed | undefined> = []
  // The earliest deadline in a slot, so that the slot of the present is looked at only when something in it is due.
  readonly #earliest: number[] = []
  #turnedTo: number
  #count = 0

  constructor(now: number) {
    this.#turnedTo = slotNumber(now)
  }

  /** How many deadlines are set. */
  get size(): number {
    return this.#count
  }

  add(item: Timed): void {
    // A deadline in the past is due at once, so it goes where the wheel stands.
    const slot = Math.max(slotNumber(item.deadline), this.#turnedTo) % SLOTS
    const head = this.#heads[slot]
    item.slot = slot
    item.previous = undefined
    item.next = head
    if (head !== undefined) head.previous = item
    const earliest = head === undefined ? Infinity : (this.#earliest[slot] ?? Infinity)
    this.#earliest[slot] = Math.min(earliest, item.deadline)
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

  /** Takes out all that is due and hands it to `expire`, in no particular order. After a throw the rest stays due. */
  turn(now: number, expire: (item: Timed) => void): void {
    const to = slotNumber(now)
    if (this.#count > 0) {
      // A jump of more than one turn visits each slot once.
      const from = Math.max(this.#turnedTo, to - SLOTS + 1)
      for (let number = from; number <= to; number++) this.#empty(number % SLOTS, now, expire)
    }
    this.#turnedTo = Math.max(this.#turnedTo, to)
  }

  #empty(slot: number, now: number, expire: (item: Timed) => void): void {
    let item = this.#heads[slot]
    if (item === undefined || (this.#earliest[slot] ?? Infinity) > now) return
    let earliest = Infinity
    const due: Timed[] = []
    for (; item !== undefined; item = item.next) {
      if (item.deadline <= now) due.push(item)
      else if (item.deadline < earliest) earliest = item.deadline
    }
    this.#earliest[slot] = earliest
    for (const each of due) {
      this.remove(each)
      try {
        expire(each)
      } catch (error) {
        this.add(each)
        // The rest of the slot is due as well, at whatever turn comes next.
        this.#earliest[slot] = -Infinity
        throw error
      }
    }
  }
}

function slotNumber(ms: number): number {
  return Math.floor(ms / SLOT_MS)
}
