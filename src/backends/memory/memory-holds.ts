import { chargeIdTime } from '../../core/ids.js'
import { REMEMBERED, ReplayMemory } from './replay-memory.js'
import { rememberedFrom, type HoldRecord } from '../engine/hold-record.js'
import type { HoldTable } from '../engine/records.js'

const MOST_FORFEITED = 10_000
/** How many places the ring has at first, and at most: powers of two. */
const PLACES = { first: 1_024, most: 131_072 } as const

/**
 * All holds of the memory store: those that are open, and as many of the others as it remembers.
 *
 * The ids that are minted here end in a rising number. That is the place of a hold in a ring, open or not: no id is
 * hashed, and one that ended is forgotten by being written over.
 */
export class MemoryHolds implements HoldTable {
  #ring = new Array<HoldRecord | undefined>(PLACES.first)
  /** How many ended in the ring. */
  #ends = 0
  /** Leases, and holds that have no place in the ring. */
  readonly #open = new Map<string, HoldRecord>()
  /** The same, where they ended or were refused. */
  readonly #ended = new ReplayMemory<HoldRecord>()
  /** Leases whose time was up, until what is left of them was given back: at most so many, the newest. */
  readonly #forfeited = new Map<string, HoldRecord>()
  #forgottenUpTo = 0
  /** How the id begins that says so. */
  #forgotten = '-'

  isForgotten(minted: number): boolean {
    return minted <= this.#forgottenUpTo
  }

  find(id: string): HoldRecord | undefined {
    const hold = this.#ring[this.#placeOf(id)]
    return hold?.id === id ? hold : (this.#open.get(id) ?? this.#ended.get(id) ?? this.#forfeited.get(id))
  }

  place(hold: HoldRecord, now: number): void {
    if (!this.#putInRing(hold, now)) this.#open.set(hold.id, hold)
  }

  end(hold: HoldRecord, now: number): void {
    if (this.#ring[this.#placeOf(hold.id)] === hold || (!this.#open.delete(hold.id) && this.#putInRing(hold, now))) {
      // It is remembered from then on. Its time may have been up for long before somebody saw it.
      hold.deadline = hold.state === 'expired' ? Infinity : now
      hold.order = this.#ends++
      return
    }
    this.#forfeited.delete(hold.id)
    if (rememberedFrom(hold, now) > now) {
      const [oldest] = this.#forfeited.keys()
      if (oldest !== undefined && this.#forfeited.size >= MOST_FORFEITED) this.#forfeited.delete(oldest)
      this.#forfeited.set(hold.id, hold)
    } else for (const old of this.#ended.set(hold.id, hold, now)) this.#forget(old)
  }

  #isOver(hold: HoldRecord, now: number): boolean {
    if (hold.state === 'open') return false
    return this.#ends - hold.order > REMEMBERED.entries || now - hold.deadline > REMEMBERED.ms
  }

  #putInRing(hold: HoldRecord, now: number): boolean {
    while (hold.lease === undefined) {
      const ring = this.#ring
      const place = this.#placeOf(hold.id)
      const there = ring[place]
      if (there === undefined || this.#isOver(there, now)) {
        if (there !== undefined) this.#forget(there)
        ring[place] = hold
        return true
      }
      if (ring.length >= PLACES.most || numberOf(there.id) === numberOf(hold.id)) return false
      this.#ring = new Array<HoldRecord | undefined>(2 * ring.length)
      for (const each of ring) if (each !== undefined) this.#ring[this.#placeOf(each.id)] = each
    }
    return false
  }

  #forget({ id }: HoldRecord): void {
    // Many are minted in a millisecond.
    const minted = id.startsWith(this.#forgotten) ? 0 : (chargeIdTime(id) ?? 0)
    if (minted <= this.#forgottenUpTo) return
    this.#forgottenUpTo = minted
    this.#forgotten = id.slice(0, 9)
  }

  #placeOf(id: string): number {
    return numberOf(id) & (this.#ring.length - 1)
  }
}

/** The number that an id ends in, as far as a place depends on it. */
function numberOf(id: string): number {
  let number = 0
  // Digits from 0 to 9 and from a to z; what is none counts as one.
  for (let at = id.lastIndexOf('-'); ++at < id.length;)
    number = (number * 36 + ((id.charCodeAt(at) - 48) % 39)) & (PLACES.most - 1)
  return number
}
