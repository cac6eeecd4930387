import { budgetId } from '../budget/budget-id.js'
import type { ChargeId } from '../core/ids.js'
import type { Credits } from '../core/credits.js'
import type { CaptureRequest, HoldRequest } from '../budget/enforcer.js'
import type { HoldState, OnExpire, Overage } from '../budget/hold.js'
import type { Slice } from './slice.js'
import type { Wallet } from './wallet.js'

/** What few holds have: those that the store was asked for too, or that go on in rounds. */
export class Detour {
  /** Settles when the store has it, or would not take it. */
  moving: PromiseLike<unknown> | undefined = undefined
  /** What the store is waiting for before it is asked again. */
  givingBack: Promise<boolean> | undefined = undefined
  /** Whoever asked for it does not want it any more. */
  isGivenUp = false
  /** The store was told to give it back, so it stays here. */
  isBarred = false
  /** As in `consumeRound` of the rules of holds. */
  rounds: Map<number, string> | undefined = undefined
  /** The store has it, or was asked for it, under this id. */
  storeId: ChargeId | undefined = undefined
  /** The store was asked to end it. */
  isEnded = false
}

/**
 * A hold that a process has placed in a lease of its own; after its end the memory of it. One that ended as most do is
 * written over by a later one: nothing is made for it, so the garbage collector has nothing to do with it.
 */
export class LocalHold {
  id: ChargeId
  /** The rising number in its id; -1 where there is none. */
  count: number
  /** How many were placed before. */
  order: number
  budget: string
  amount: Credits
  ttlMs: number
  onExpire: OnExpire
  /** What was asked for at first: a repetition is compared with it. */
  onExpireAsked: OnExpire
  deadline: number
  wallet: Wallet
  slice: Slice
  /** As long as something may yet be asked of it. */
  request: HoldRequest | undefined
  /** `moved`: the store has it. */
  state: HoldState | 'moved' = 'open'
  /** The request that ended it, none where its time was up, and what that was answered. */
  endId: string | undefined = undefined
  endAmount: Credits = 0
  overage: Overage = 'cap'
  charged: Credits = 0
  isLate = false
  detour: Detour | undefined = undefined
  previous: LocalHold | undefined = undefined
  next: LocalHold | undefined = undefined

  // Not by `begin`: with properties that its constructor does not set a hold takes 235 bytes in place of 203.
  constructor(request: HoldRequest, count: number, order: number, wallet: Wallet, slice: Slice, deadline: number) {
    const [line] = request.lines as [HoldRequest['lines'][number]]
    this.id = request.id
    this.count = count
    this.order = order
    this.budget = line.budget
    this.amount = line.amount
    this.ttlMs = request.ttlMs
    this.onExpire = request.onExpire
    this.onExpireAsked = request.onExpire
    this.deadline = deadline
    this.wallet = wallet
    this.slice = slice
    this.request = request
  }

  /** Becomes another hold. */
  begin(request: HoldRequest, count: number, order: number, wallet: Wallet, slice: Slice, deadline: number): this {
    const [line] = request.lines as [HoldRequest['lines'][number]]
    this.id = request.id
    this.count = count
    this.order = order
    this.budget = line.budget
    this.amount = line.amount
    this.ttlMs = request.ttlMs
    this.onExpire = request.onExpire
    this.onExpireAsked = request.onExpire
    this.deadline = deadline
    this.wallet = wallet
    this.slice = slice
    this.request = request
    this.state = 'open'
    this.endId = undefined
    return this
  }

  /** When it was placed, or later, where it was extended. */
  get placedAt(): number {
    return this.deadline - this.ttlMs
  }

  /** Whether it is open, or only this process knows under which id the store has it. */
  mustStay(now: number): boolean {
    if (this.detour === undefined) return this.state === 'open'
    const { storeId, isEnded } = this.detour
    return this.state === 'open' || (storeId !== undefined && storeId !== this.id && !isEnded && this.deadline > now)
  }

  /** Whether it ended as most do, so that nobody else has it. */
  get isPlain(): boolean {
    return this.state !== 'open' && this.detour === undefined
  }

  /** Whether it puts aside what these lines ask for, where any are given. */
  isAskedFor(lines: HoldRequest['lines'] | undefined): boolean {
    if (lines === undefined) return true
    const [line] = lines
    const isOne = lines.length === 1 && (line?.unit ?? 'credits') === 'credits'
    return isOne && line?.amount === this.amount && budgetId(line.budget) === budgetId(this.budget)
  }

  /** Remembers what it was charged, and by which request. */
  captured({ id, amount, overage }: CaptureRequest, charged: Credits, isLate: boolean): void {
    this.endId = id
    this.endAmount = amount
    this.overage = overage
    this.charged = charged
    this.isLate = isLate
    this.state = 'captured'
    this.request = undefined
  }
}
