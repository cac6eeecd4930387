import { LocalHold } from './local-hold.js'
import { OpenHolds } from './open-holds.js'
import type { ChargeId } from '../core/ids.js'
import type { HoldRequest } from '../budget/enforcer.js'
import type { Slice } from './slice.js'
import type { Wallet } from './wallet.js'

/** So long an ended hold is remembered. */
const REMEMBERED_MS = 600_000
/**
 * Or until so many others were placed, and how many places there are by the number in an id, at first and at most: powers
 * of two, the last more than twice as many as are remembered.
 */
const BOUNDS = { holds: 100_000, firstPlaces: 1_024, mostPlaces: 262_144 }
const DASH = 45
/** Of a number of nine digits to the base 36, which is exact. */
const LARGEST = 36 ** 9

/**
 * What a process remembers by an id: open holds as long as they are, others for ten minutes or until 100,000 were placed
 * after them, whichever is sooner at least.
 *
 * The ids of a process end in a rising number. That is the place of a hold in a ring: it is found without a hash, and
 * forgotten by being written over. One whose place another still needs is in a map.
 */
export class LocalHolds {
  readonly #bounds: Readonly<typeof BOUNDS>
  #ring: Array<LocalHold | undefined>
  #mask: number
  #placed = 0
  /** The last that was placed: most often the next to be looked for. */
  #last: LocalHold | undefined
  readonly #open = new OpenHolds()
  #young = new Map<ChargeId, LocalHold>()
  #old = new Map<ChargeId, LocalHold>()
  #began = -Infinity

  /** @param bounds others than {@link BOUNDS} are for tests */
  constructor(bounds: Readonly<typeof BOUNDS> = BOUNDS) {
    this.#bounds = bounds
    this.#ring = new Array<LocalHold | undefined>(bounds.firstPlaces)
    this.#mask = bounds.firstPlaces - 1
  }

  /** The hold of an id, where it is remembered. */
  find(id: ChargeId): LocalHold | undefined {
    return this.#last?.id === id ? this.#last : this.findByCount(id, countOf(id))
  }

  /** The same, where the number in the id is known, and the hold is most likely not the last. */
  findByCount(id: ChargeId, count: number): LocalHold | undefined {
    const hold = this.#ring[count & this.#mask]
    if (hold !== undefined && hold.count === count && hold.id === id) return hold
    return this.#young.size + this.#old.size === 0 ? undefined : (this.#young.get(id) ?? this.#old.get(id))
  }

  /** Adds an open one, whose id has that number. Whoever ends it says so by {@link close}. */
  add(request: HoldRequest, count: number, wallet: Wallet, slice: Slice, now: number): void {
    this.#open.add((this.#last = this.#place(request, count, wallet, slice, now + request.ttlMs, now)))
  }

  /** Adds one that the store decides. */
  addMoved(request: HoldRequest, wallet: Wallet, now: number): LocalHold {
    const hold = this.#place(request, countOf(request.id), wallet, wallet.nothing, Infinity, now)
    hold.state = 'moved'
    hold.request = undefined
    return hold
  }

  /** It is open no more. */
  close(hold: LocalHold): void {
    this.#open.remove(hold)
  }

  /** Its end is asked of the store: it is remembered as if it was placed now, for nobody knows yet whether that came. */
  endsInStore(hold: LocalHold, now: number): void {
    hold.order = this.#placed
    hold.deadline = now + hold.ttlMs
    if (hold.detour !== undefined) hold.detour.isEnded = true
    if (this.#old.delete(hold.id)) this.#young.set(hold.id, hold)
  }

  /** The open holds whose time is up, in the order of their deadlines. */
  due(now: number): LocalHold[] {
    return this.#open.due(now)
  }

  #place(request: HoldRequest, count: number, wallet: Wallet, slice: Slice, deadline: number, now: number): LocalHold {
    const at = this.#placeOf(request.id, count, now)
    const there = this.#ring[at]
    const order = (this.#placed = (this.#placed + 1) | 0)
    if (there?.isPlain === true) return there.begin(request, count, order, wallet, slice, deadline)
    const hold = new LocalHold(request, count, order, wallet, slice, deadline)
    if (at === -1) this.#keep(hold, now)
    else this.#ring[at] = hold
    return hold
  }

  // Where a hold goes, or -1 where the one that is there is still needed.
  #placeOf(id: ChargeId, count: number, now: number): number {
    while (count !== -1) {
      const at = count & this.#mask
      const there = this.#ring[at]
      if (there === undefined || this.#isForgotten(there, now)) return at
      if (there.count === count) return there.id === id ? at : -1
      if (this.#ring.length >= this.#bounds.mostPlaces) return -1
      this.#grow()
    }
    return -1
  }

  #isForgotten(hold: LocalHold, now: number): boolean {
    if (hold.mustStay(now)) return false
    return ((this.#placed - hold.order) | 0) >= this.#bounds.holds || now - hold.placedAt > REMEMBERED_MS
  }

  #grow(): void {
    const holds = this.#ring
    const size = 2 * holds.length
    this.#ring = new Array<LocalHold | undefined>(size)
    this.#mask = size - 1
    for (const hold of holds) if (hold !== undefined) this.#ring[hold.count & this.#mask] = hold
  }

  #keep(hold: LocalHold, now: number): void {
    if (this.#young.size >= this.#bounds.holds || now - this.#began >= REMEMBERED_MS) this.#turn(now)
    this.#young.set(hold.id, hold)
  }

  #turn(now: number): void {
    const old = this.#old
    this.#old = this.#young
    this.#young = new Map()
    this.#began = now
    for (const [id, hold] of old) if (hold.mustStay(now)) this.#young.set(id, hold)
  }
}

/** The number that an id ends in, as the library mints them; -1 where it ends otherwise. */
export function countOf(id: ChargeId): number {
  if (typeof id !== 'string') return -1
  let count = 0
  let scale = 1
  for (let at = id.length - 1; at >= 0 && scale <= LARGEST; at--) {
    const code = id.charCodeAt(at)
    if (code === DASH) return scale === 1 ? -1 : count
    const digit = code < 58 ? code - 48 : code < 97 ? -1 : code - 87
    if (digit < 0 || digit > 35) return -1
    count += digit * scale
    scale *= 36
  }
  return -1
}
