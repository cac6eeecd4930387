import { andThen, isPromise } from '../core/maybe-promise.js'
import { claim } from './claim.js'
import { forget } from './forget.js'
import { isUnreached, reach, type Unreached } from '../budget/reach.js'
import { mintChargeId } from '../core/ids.js'
import { ours, Slice, type Asked } from './slice.js'
import { Pending } from './pending.js'
import { settle } from './settle.js'
import type { Authority } from '../budget/authority.js'
import type { BudgetId } from '../budget/budget-id.js'
import type { Credits } from '../core/credits.js'
import type { LeaseRequest, LeaseResult, RenewResult } from '../budget/lease.js'
import type { WalletContext } from './wallet-context.js'

/** After a refusal no lease is asked for so long. */
const RETRY_MS = 1_000
/** A lease that nobody has used for so long is given back, where it is kept for outages. */
const UNUSED_MS = 600_000
/** So many leases of one budget may wait for their end. */
const MOST_SLICES = 100

/** The leases of a process on one budget, of one token where it is spent by one. */
export class Wallet {
  /** What the budget had left when the store said so last. */
  remaining: Credits = 0
  usedAt: number
  readonly #context: WalletContext
  readonly budget: BudgetId
  readonly #authority: Authority | undefined
  readonly #slices: Slice[] = []
  readonly #pending = new Pending()
  #asking: { readonly request: LeaseRequest; readonly asked: Asked; isSent: boolean } | undefined
  #retryAt = -Infinity
  #isClosed = false

  constructor(context: WalletContext, budget: BudgetId, authority: Authority | undefined) {
    this.#context = context
    this.budget = budget
    this.#authority = authority
    this.usedAt = context.now().steady
  }

  /** A lease of nothing. */
  get nothing(): Slice {
    return new Slice('', 0, this.#context.now(), 0)
  }

  /** Whether nothing is left to do for it. */
  get isIdle(): boolean {
    return this.#slices.length === 0 && this.#asking === undefined
  }

  /** Takes credits out of a lease, at once, or not at all. */
  draw(amount: Credits, now: Asked): Slice | undefined {
    const [first] = this.#slices
    const slice = first !== undefined && amount <= first.left && !first.isOver(now) ? first : this.#pick(amount, now)
    if (slice === undefined) return undefined
    slice.drawn += amount
    slice.openHolds++
    if (slice.isLow) this.#top(slice, amount, now)
    return slice
  }

  /** Ends what was drawn: so much of it was used, and the rest is there again. */
  end(slice: Slice, amount: Credits, used: Credits): void {
    slice.openHolds--
    slice.used += used
    slice.drawn -= amount - used
  }

  /** What was drawn is held by the store now, and comes back to it with the lease. */
  handedOver(slice: Slice, isOwed: boolean): void {
    slice.openHolds--
    if (isOwed) slice.isEnding = true
  }

  /** Asks for a lease in the background, which one call of so much can be paid from. */
  fetch(amount: Credits, now: Asked): void {
    if (this.#isClosed || this.#asking !== undefined || now.steady < this.#retryAt) return
    const { settings, instance } = this.#context
    if (this.#slices.length >= MOST_SLICES || !this.#isShort(amount, settings.most)) return
    const { least, most, ttlMs } = settings
    const terms = { instance, ttlMs, least: amount > most ? least : Math.max(least, amount), most }
    const authority = this.#authority
    const id = mintChargeId(now.wall)
    const request = { id, budget: this.budget, ...terms, ...(authority !== undefined && { authority }) }
    this.#asking = { request, asked: { ...now }, isSent: false }
    // What is used up goes with it, in one round trip where the store takes several requests at once.
    for (const slice of [...this.#slices]) if (slice.drawn === slice.amount) void this.#finish(slice)
    this.#ask()
  }

  /** Gives back the leases that have no open hold, and what is on its way. Settles when the store has it. */
  async giveBack(): Promise<boolean> {
    const idle = this.#finishIdle()
    const wasAsked = await this.#pending.ended()
    return (wasAsked && (await this.#finishIdle())) || wasAsked || idle
  }

  /** The same of every lease of this process on its budget. */
  giveBackAll(): Promise<boolean> {
    return this.#context.giveBack(this.budget)
  }

  /** Draws no more: what is there is given back when its holds have ended. */
  async close(isForGood: boolean): Promise<void> {
    this.#isClosed ||= isForGood
    for (const slice of this.#slices) slice.isEnding = true
    // What is on its way may bring a lease, or keep one from its end.
    if (isForGood) await this.#pending.ended().then(() => this.#askAgain(this.#context.now()))
    await this.#finishIdle()
  }

  /** Does what time asks for. */
  tick(now: Asked): void {
    this.#askAgain(now)
    const { use } = this.#context.settings
    for (const slice of [...this.#slices]) {
      if (slice.isAsking) continue
      const isOver = slice.isOver(now)
      if (isOver) slice.isEnding = true
      const isDue = now.steady >= slice.renewAt
      const isUnused = use === 'calls' ? slice.drawn === slice.drawnBefore : now.steady - this.usedAt > UNUSED_MS
      const ends = slice.isEnding || slice.drawn === slice.amount || (isDue && isUnused)
      if (ends && slice.openHolds === 0) void this.#finish(slice)
      else if (isDue && !isOver) this.#renew(slice, now)
    }
    if (use === 'outages' && now.steady - this.usedAt <= UNUSED_MS && this.#slices.length === 0) this.fetch(0, now)
  }

  async #finishIdle(): Promise<boolean> {
    const idle = this.#slices.filter((slice) => slice.isIdle && (slice.isEnding || slice.used < slice.amount))
    await Promise.all(idle.map((slice) => this.#finish(slice)))
    return idle.length > 0
  }

  // The first that suffices. Those before it are too small, and not worth keeping.
  #pick(amount: Credits, now: Asked): Slice | undefined {
    const at = this.#slices.findIndex((slice) => amount <= slice.left && !slice.isOver(now))
    if (at <= 0) return this.#slices[at]
    for (const slice of this.#slices.splice(0, at)) {
      if (slice.limit === slice.amount) slice.isEnding = true
      this.#slices.push(slice)
    }
    return this.#slices[0]
  }

  #top(slice: Slice, amount: Credits, now: Asked): void {
    if (slice.limit < slice.amount) claim(this.#context.journal, slice)
    if (this.#asking === undefined) this.fetch(amount, now)
  }

  // What the journal has yet to note counts: it is there. A call of more than any lease has is no reason for one.
  #isShort(amount: Credits, most: Credits): boolean {
    let left = 0
    let [size, largest] = [0, 0]
    for (const slice of this.#slices) {
      if (slice.isEnding) continue
      size = slice.amount
      left += size - slice.drawn
      largest = Math.max(largest, size - slice.drawn)
    }
    return left <= size / 4 || (amount <= most && largest < amount)
  }

  #ask(): void {
    const asking = this.#asking
    if (asking === undefined) return
    const { store, timeoutMs, clock } = this.#context.settings
    asking.isSent = true
    const answered = andThen(
      reach(() => store.lease(asking.request), { timeoutMs, clock }),
      (answer) => {
        asking.isSent = false
        if (this.#asking === asking) this.#answered(answer, asking)
      },
    )
    this.#pending.add(answered)
  }

  // A lease whose answer was lost is asked for again by the same id, and counts from when it was asked for first.
  #askAgain(now: Asked): void {
    if (this.#asking === undefined || this.#asking.isSent) return
    const { request, asked } = this.#asking
    if (now.steady < ours(asked.steady, request.ttlMs) && !this.#isClosed) return this.#ask()
    this.#asking = undefined
    const slice = this.#add(request.id, 0, asked)
    slice.isEnding = slice.isUnheard = true
  }

  #answered(answer: LeaseResult | Unreached, { request, asked }: { request: LeaseRequest; asked: Asked }): void {
    if (isUnreached(answer) && !answer.misuse) return
    this.#asking = undefined
    if (!isUnreached(answer) && answer.kind === 'leased') {
      const { amount, remaining, live } = answer
      this.remaining = remaining
      const slice = this.#add(request.id, amount, asked)
      slice.isEnding = this.#isClosed
      const { events } = this.#context.settings
      if (events.heard('leased')) events.emit('leased', { budget: this.budget, amount, remaining, live })
      return
    }
    if (!isUnreached(answer)) this.remaining = answer.remaining
    this.#retryAt = this.#context.now().steady + RETRY_MS
  }

  #add(leaseId: string, amount: Credits, asked: Asked): Slice {
    const known = this.#slices.find((slice) => slice.leaseId === leaseId)
    if (known !== undefined) return known
    const slice = new Slice(leaseId, amount, asked, this.#context.settings.ttlMs)
    this.#slices.push(slice)
    claim(this.#context.journal, slice)
    return slice
  }

  #renew(slice: Slice, now: Asked): void {
    const { store, timeoutMs, clock, ttlMs, events } = this.#context.settings
    const { leaseId, used } = slice
    const authority = this.#authority
    const asked = { ...now }
    const id = mintChargeId(now.wall)
    const request = { id, leaseId, used, ttlMs, ...(authority !== undefined && { authority }) }
    slice.isAsking = true
    const answered = andThen(
      reach(() => store.renew(request), { timeoutMs, clock }),
      (answer: RenewResult | Unreached) => {
        slice.isAsking = false
        if (isUnreached(answer)) return
        if (answer.kind === 'refused') return void (slice.isEnding = true)
        slice.renewed(asked)
        this.remaining = answer.remaining
        if (!answer.recall) return
        slice.isEnding = true
        events.emit('recalled', { budget: this.budget, amount: slice.amount - slice.drawn })
      },
    )
    this.#pending.add(answered)
  }

  // The same request until it is answered: `used` is final, for nothing is drawn any more.
  #finish(slice: Slice): Promise<void> {
    if (!slice.isIdle) return Promise.resolve()
    const { store, timeoutMs, clock } = this.#context.settings
    slice.isEnding = true
    slice.isAsking = true
    const done = andThen(
      reach(() => settle(store, slice), { timeoutMs, clock }),
      (answer) => {
        slice.isAsking = false
        if (isUnreached(answer)) return undefined
        if (answer.kind === 'refused' && answer.reason === 'lease_forfeited') return this.#reconcile(slice)
        if (answer.kind === 'settled') this.remaining += answer.returned
        return this.#remove(slice)
      },
    )
    this.#pending.add(done)
    return Promise.resolve(done)
  }

  #reconcile(slice: Slice): PromiseLike<void> | undefined {
    const { store, timeoutMs, clock, events } = this.#context.settings
    const { leaseId, used, amount } = slice
    if (!slice.isForfeited) events.emit('forfeited', { budget: this.budget, leaseId, amount: amount - used })
    slice.isForfeited = true
    slice.isAsking = true
    const done = andThen(
      reach(() => store.reconcile({ id: `${leaseId}.b`, leaseId, used }), { timeoutMs, clock }),
      (answer) => {
        slice.isAsking = false
        if (isUnreached(answer)) return
        this.#remove(slice)
        if (answer.kind === 'reconciled')
          events.emit('reconciled', { budget: this.budget, leaseId, returned: answer.returned })
      },
    )
    return isPromise(done) ? done : undefined
  }

  #remove(slice: Slice): undefined {
    const at = this.#slices.indexOf(slice)
    if (at !== -1) this.#slices.splice(at, 1)
    forget(this.#context.journal, slice.leaseId)
    return undefined
  }
}
