import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { consumeRound } from '../budget/hold.js'
import { assertCredits, type Credits } from '../core/credits.js'
import { isUnreached, reach } from '../budget/reach.js'
import { lacksCredits } from '../budget/refusals.js'
import { Detour, type LocalHold } from './local-hold.js'
import { countOf, LocalHolds } from './local-holds.js'
import { mintChargeId } from '../core/ids.js'
import type { Asked } from './slice.js'
import type { ChargeId } from '../core/ids.js'
import type {
  CaptureRequest,
  CaptureResult,
  ExtendRequest,
  ExtendResult,
  HoldingEnforcer,
  HoldRequest,
  HoldResult,
  ReleaseRequest,
  ReleaseResult,
} from '../budget/enforcer.js'
import type { LeaseSettings } from './options.js'
import type { Outbox } from '../budget/outbox.js'
import type { Wallet } from './wallet.js'

const ENDED = { kind: 'refused', reason: 'hold_ended' } as const
const UNKNOWN = { kind: 'refused', reason: 'unknown_hold' } as const
const REUSED = { kind: 'refused', reason: 'id_reused' } as const

/** Holds in leases: the same rules as a store has for its own, within this process. */
export class LocalHolding {
  readonly #settings: LeaseSettings
  readonly #store: HoldingEnforcer
  readonly #outbox: Outbox
  readonly #now: () => Asked
  readonly #holds = new LocalHolds()

  constructor(settings: LeaseSettings, outbox: Outbox, now: () => Asked) {
    this.#settings = settings
    this.#store = settings.store
    this.#outbox = outbox
    this.#now = now
  }

  /**
   * Places a hold in a lease, at once, or not at all: one that the store was asked for is the store's.
   *
   * @param again also one that the store was asked for, and is told to give back
   */
  place(request: HoldRequest, wallet: Wallet, now: Asked, again = false): HoldResult | undefined {
    const { id } = request
    const { amount } = request.lines[0] as { readonly amount: Credits }
    const count = countOf(id)
    const known = this.#holds.findByCount(id, count)
    const storeId = again ? known?.detour?.storeId : undefined
    if (known !== undefined && storeId === undefined) return replay(known, request)
    const slice = wallet.draw(amount, now)
    if (slice === undefined) return undefined
    this.#holds.add(request, count, wallet, slice, now.steady)
    if (storeId !== undefined && storeId !== id) this.#takeBack(storeId, 'the call was paid from a lease')
    return { kind: 'held', holdId: id, remaining: wallet.remaining + slice.left, debt: 0 }
  }

  /** Keeps a hold here: the store may have placed it, or may yet, and is told to give it back, or bars it. */
  bar(id: ChargeId, cause: unknown): void {
    const hold = this.#holds.find(id)
    if (hold !== undefined) (hold.detour ??= new Detour()).isBarred = true
    this.#takeBack(id, cause)
  }

  capture(request: CaptureRequest): MaybePromise<CaptureResult> {
    const hold = this.#holds.find(request.holdId)
    if (hold === undefined) return this.#store.capture(request)
    const { detour } = hold
    if (detour?.moving !== undefined) return andThen(detour.moving, () => this.capture(request))
    if (detour?.storeId !== undefined) {
      this.#holds.endsInStore(hold, this.#now().steady)
      return this.#store.capture({ ...request, holdId: detour.storeId })
    }
    const { amount, overage } = request
    assertCredits(amount, 'amount')
    if (hold.state !== 'open') return this.#captureEnded(hold, request)
    const charged = Math.min(amount, hold.amount)
    this.#holds.close(hold)
    hold.wallet.end(hold.slice, hold.amount, charged)
    const beyond = overage === 'debt' ? amount - charged : 0
    if (beyond > 0) this.#chargeMore(hold, beyond)
    hold.captured(request, charged + beyond, false)
    return { kind: 'captured', charged: charged + beyond, late: false }
  }

  release(request: ReleaseRequest): MaybePromise<ReleaseResult> {
    const hold = this.#holds.find(request.holdId)
    if (hold === undefined) return this.#store.release(request)
    const { detour } = hold
    if (detour?.moving !== undefined) return andThen(detour.moving, () => this.release(request))
    if (detour !== undefined) detour.isGivenUp = true
    if (detour?.storeId !== undefined) {
      this.#holds.endsInStore(hold, this.#now().steady)
      return this.#store.release({ ...request, holdId: detour.storeId })
    }
    const answer = { kind: 'released', returned: hold.amount } as const
    if (hold.state === 'released' && hold.endId === request.id) return answer
    if (hold.state !== 'open') return ENDED
    this.#holds.close(hold)
    hold.wallet.end(hold.slice, hold.amount, 0)
    hold.state = 'released'
    hold.endId = request.id
    hold.request = undefined
    return answer
  }

  extend(request: ExtendRequest): MaybePromise<ExtendResult> {
    const { holdId, round, onExpire, lines } = request
    const hold = this.#holds.find(holdId)
    if (hold === undefined) return this.#store.extend(request)
    const { detour } = hold
    if (detour?.moving !== undefined) return andThen(detour.moving, () => this.extend(request))
    if (detour?.storeId !== undefined) {
      hold.deadline = Math.max(hold.deadline, this.#now().steady + request.ttlMs)
      return this.#store.extend({ ...request, holdId: detour.storeId })
    }
    if (!hold.isAskedFor(lines)) return UNKNOWN
    if (hold.state !== 'open') return ENDED
    // It may outlive this process, or be ended by another.
    const isOthers = round !== undefined || onExpire !== undefined || lines !== undefined
    return isOthers && detour?.isBarred !== true ? this.#handOver(hold, request) : this.#extended(hold, request)
  }

  /** Ends what nobody ended, as its holds say for that; what is on its way to the store when that has answered. */
  expire(now: number): void {
    for (const hold of this.#holds.due(now)) {
      if (hold.detour?.moving !== undefined) continue
      this.#holds.close(hold)
      hold.state = 'expired'
      hold.wallet.end(hold.slice, hold.amount, hold.onExpire === 'capture' ? hold.amount : 0)
    }
  }

  /** Ends all. Settles when the store has what is on its way to it. */
  async close(): Promise<void> {
    for (;;) {
      this.expire(Infinity)
      const moving = this.#holds.due(Infinity)
      if (moving.length === 0) return
      await Promise.allSettled(moving.map((hold) => Promise.resolve(hold.detour?.moving)))
    }
  }

  /**
   * Lets the store decide. Where it lacks credits it is asked once more when all that this process has put aside is
   * back: by another id, for what was refused stays refused.
   */
  placeInStore(request: HoldRequest, wallet: Wallet, now: Asked): MaybePromise<HoldResult> {
    const known = this.#holds.find(request.id)
    const hold = known ?? this.#holds.addMoved(request, wallet, now.steady)
    const detour = (hold.detour ??= new Detour())
    detour.storeId ??= request.id
    return this.#askStore(hold, detour, request)
  }

  /** Whether a hold waits for what this process gives back. */
  isGivingBack(id: ChargeId): boolean {
    return this.#holds.find(id)?.detour?.givingBack !== undefined
  }

  #askStore(hold: LocalHold, detour: Detour, request: HoldRequest): MaybePromise<HoldResult> {
    const { id } = request
    const storeId = detour.storeId ?? id
    return andThen(this.#store.hold({ ...request, id: storeId }), (answer) => {
      if (answer.kind === 'held') return storeId === id ? answer : { ...answer, holdId: id }
      if (!lacksCredits(answer.reason) || storeId !== id || detour.isGivenUp) return answer
      return this.#afterGivingBack(hold, detour, request, answer)
    })
  }

  async #afterGivingBack(
    hold: LocalHold,
    detour: Detour,
    request: HoldRequest,
    refused: HoldResult,
  ): Promise<HoldResult> {
    // Two tries of one request get one answer.
    const hasGivenBack = await (detour.givingBack ??= hold.wallet.giveBackAll())
    if (detour.storeId === request.id) {
      // Who is not found any more would have nobody to end it: another was placed in its stead, or so many others.
      const isKept = this.#holds.find(request.id) === hold
      if (!hasGivenBack || detour.isGivenUp || !isKept) return refused
      const { steady, wall } = this.#now()
      detour.storeId = mintChargeId(wall)
      hold.deadline = steady + request.ttlMs
    }
    return this.#askStore(hold, detour, request)
  }

  // Given back where the store has it, or else barred.
  #takeBack(holdId: ChargeId, cause: unknown): void {
    const post = (): MaybePromise<undefined> =>
      andThen(this.#store.release({ id: `${holdId}.r`, holdId }), () => undefined)
    this.#outbox.add({ chargeId: holdId, post }, cause)
  }

  #captureEnded(hold: LocalHold, request: CaptureRequest): CaptureResult {
    const { amount, overage } = request
    if (hold.state === 'captured' && hold.endId === request.id) {
      if (hold.endAmount !== amount || hold.overage !== overage) return REUSED
      return { kind: 'captured', charged: hold.charged, late: hold.isLate }
    }
    // Given back when its time was up; but the work was done.
    if (hold.state !== 'expired' || hold.onExpire === 'capture') return ENDED
    const charged = overage === 'debt' ? amount : Math.min(amount, hold.amount)
    if (charged > 0) this.#chargeMore(hold, charged)
    hold.captured(request, charged, true)
    return { kind: 'captured', charged, late: true }
  }

  // A known spend: out of a lease, or else by the store, whatever that has left.
  #chargeMore({ wallet, request: asked }: LocalHold, amount: Credits): void {
    const { lines, meta } = asked as HoldRequest
    const now = this.#now()
    const slice = wallet.draw(amount, now)
    if (slice !== undefined) return wallet.end(slice, amount, amount)
    const holdId = mintChargeId(now.wall)
    const request = { id: `${holdId}.c`, holdId, amount, overage: 'debt', lines, ...(meta && { meta }) } as const
    const post = (): MaybePromise<string | undefined> =>
      andThen(this.#store.capture(request), (end) => (end.kind === 'refused' ? end.reason : undefined))
    const { timeoutMs, clock } = this.#settings
    void andThen(reach(post, { timeoutMs, clock }), (answer) => {
      if (isUnreached(answer)) this.#outbox.add({ chargeId: holdId, post }, answer.cause)
    })
  }

  // Its credits are still in the lease, and come back to the store with it: so the hold may be owed until then.
  #handOver(hold: LocalHold, request: ExtendRequest): MaybePromise<ExtendResult> {
    const { ttlMs, round, onExpire = hold.onExpire } = request
    const { timeoutMs, clock } = this.#settings
    const asked: HoldRequest = { ...(hold.request as HoldRequest), ttlMs, onExpire, overdraft: true }
    const detour = (hold.detour ??= new Detour())
    const moved = andThen(
      reach(() => this.#store.hold(asked), { timeoutMs, clock }),
      (answer): MaybePromise<ExtendResult> => {
        detour.moving = undefined
        if (isUnreached(answer) || answer.kind !== 'held') {
          if (isUnreached(answer) && !answer.misuse) this.bar(asked.id, answer.cause)
          return this.#extended(hold, request)
        }
        this.#holds.close(hold)
        hold.state = 'moved'
        hold.request = undefined
        detour.storeId = asked.id
        hold.wallet.handedOver(hold.slice, answer.debt > 0)
        if (round !== undefined) return this.#store.extend({ ...request, holdId: asked.id })
        const { remaining, debt } = answer
        return { kind: 'extended', expiresAt: this.#now().wall + ttlMs, remaining, debt }
      },
    )
    // A store that has answered at once has it already.
    if (isPromise(moved) && detour.storeId === undefined) detour.moving = moved
    return moved
  }

  #extended(hold: LocalHold, { id, ttlMs, round, onExpire }: ExtendRequest): ExtendResult {
    const reason = round === undefined ? undefined : consumeRound((hold.detour ??= new Detour()), round, id)
    if (reason !== undefined) return { kind: 'refused', reason }
    const { steady, wall } = this.#now()
    hold.onExpire = onExpire ?? hold.onExpire
    hold.deadline = Math.max(hold.deadline, steady + ttlMs)
    const remaining = hold.wallet.remaining + hold.slice.left
    return { kind: 'extended', expiresAt: wall + hold.deadline - steady, remaining, debt: 0 }
  }
}

function replay(known: LocalHold, request: HoldRequest): HoldResult | undefined {
  if (known.detour?.storeId !== undefined) return undefined
  const { lines, ttlMs, onExpire } = request
  const [line] = lines
  const isSame = known.ttlMs === ttlMs && known.onExpireAsked === onExpire && known.amount === line?.amount
  const remaining = known.wallet.remaining + known.slice.left
  if (isSame && known.budget === line.budget) return { kind: 'held', holdId: request.id, remaining, debt: 0 }
  return { ...REUSED, budget: line?.budget ?? '', remaining: 0 }
}
