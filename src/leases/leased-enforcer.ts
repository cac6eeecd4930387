import { canDelegate } from '../budget/enforcer.js'
import { leaseSettings, type LeasedEnforcerOptions, type LeaseSettings } from './options.js'
import { LeftOvers } from './left-overs.js'
import { LocalHolding } from './local-holding.js'
import { mintChargeId } from '../core/ids.js'
import { NO_JOURNAL, type LeaseJournal } from './journal.js'
import { Outbox } from '../budget/outbox.js'
import { Wallets } from './wallets.js'
import type { Asked } from './slice.js'
import type { Authority } from '../budget/authority.js'
import type { BudgetId } from '../budget/budget-id.js'
import type {
  BudgetResult,
  BudgetView,
  CaptureRequest,
  CaptureResult,
  CloseRequest,
  CloseResult,
  DelegatingEnforcer,
  ExtendRequest,
  ExtendResult,
  GrantRequest,
  HoldingEnforcer,
  HoldRequest,
  HoldResult,
  MoveResult,
  ReleaseRequest,
  ReleaseResult,
  SpendRequest,
  TransferRequest,
} from '../budget/enforcer.js'
import type { Credits } from '../core/credits.js'
import type { Escrow } from '../budget/lease.js'
import type { MaybePromise } from '../core/maybe-promise.js'
import type { Wallet } from './wallet.js'

/** So often in the time of a lease its leases are looked after. */
const TICKS = 8

/** So often in a row the time of the day alone is asked for, at most. */
const MOST_READINGS = 16

/**
 * Decides calls from leases of its own, in the same tick, and never overspends: what it has not reported when it falls
 * silent is charged. The store decides what no lease can: a call on several budgets, with a window, by a token with
 * limits, in soft mode, of more than a lease has left; and the last credits of a budget.
 *
 * @example
 * ```ts
 * const enforcer = await LeasedEnforcer.open({ store })
 * const budget = withBudget({ enforcer, budget: 'agent-1' })
 * await enforcer.shutdown() // gives back what is left
 * ```
 */
export class LeasedEnforcer implements HoldingEnforcer, Escrow {
  /** Only where the store judges tokens. */
  readonly revoke?: DelegatingEnforcer['revoke']
  readonly #settings: LeaseSettings
  readonly #store: HoldingEnforcer
  readonly #journal: LeaseJournal
  readonly #outbox: Outbox
  readonly #wallets: Wallets
  readonly #leftOvers: LeftOvers
  readonly #holds: LocalHolding
  /** One for all calls: it is read at once, and copied by whoever keeps it. */
  readonly #time = { steady: 0, wall: 0 }
  #readings = MOST_READINGS
  #cancelTimer: (() => void) | undefined
  #isClosed = false
  #closing: Promise<void> | undefined

  private constructor(settings: LeaseSettings, journal: LeaseJournal) {
    const { store, timeoutMs, clock, events } = settings
    const now = (): Asked => this.#now()
    this.#settings = settings
    this.#store = store
    this.#journal = journal
    this.#outbox = new Outbox({ timeoutMs, clock, events }, () => {})
    this.#wallets = new Wallets({ settings, journal, instance: mintChargeId(clock.now()), now })
    this.#leftOvers = new LeftOvers(settings, journal)
    this.#holds = new LocalHolding(settings, this.#outbox, now)
    if (canDelegate(store))
      this.revoke = (request) => {
        this.#stop()
        return store.revoke(request)
      }
    this.#leftOvers.giveBack()
    this.#schedule()
  }

  /**
   * Begins, and gives back what the process before has left of its leases, where there is a journal of it.
   *
   * @throws BudgetError `invalid_config`, also for a journal that another process uses
   */
  static async open(options: LeasedEnforcerOptions): Promise<LeasedEnforcer> {
    const settings = leaseSettings(options)
    const { journal = NO_JOURNAL } = settings
    if (typeof journal !== 'string') return new LeasedEnforcer(settings, journal)
    const { openJournal } = await import('./file-journal.js')
    return new LeasedEnforcer(settings, await openJournal(journal))
  }

  hold(request: HoldRequest): MaybePromise<HoldResult> {
    const wallet = this.#isClosed ? undefined : this.#wallets.find(request)
    if (wallet === undefined) return this.#store.hold(request)
    const now = this.#now()
    wallet.usedAt = now.steady
    if (this.#settings.use === 'calls')
      return this.#holds.place(request, wallet, now) ?? this.#exactly(request, wallet, now)
    const answer = this.#store.hold(request)
    if (wallet.isIdle) wallet.fetch(0, now)
    return answer
  }

  /** What pays for a call while the store is out of reach: with `failMode: 'lease'`, `withBudget` asks for it. */
  escrow(request: HoldRequest): HoldResult | undefined {
    const wallet = this.#isClosed ? undefined : this.#wallets.known(request)
    const answer = wallet && this.#holds.place(request, wallet, this.#now(), true)
    if (answer?.kind !== 'held') return undefined
    const { id } = request
    const { budget, amount } = request.lines[0] as HoldRequest['lines'][number]
    this.#settings.events.emit('covered', { chargeId: id, budget, amount })
    this.#holds.bar(id, 'the call was paid from a lease')
    return answer
  }

  capture(request: CaptureRequest): MaybePromise<CaptureResult> {
    return this.#holds.capture(request)
  }

  release(request: ReleaseRequest): MaybePromise<ReleaseResult> {
    return this.#holds.release(request)
  }

  extend(request: ExtendRequest): MaybePromise<ExtendResult> {
    return this.#holds.extend(request)
  }

  check(budget: BudgetId, cost: Credits): MaybePromise<BudgetResult> {
    return this.#store.check(budget, cost)
  }

  spend(request: SpendRequest): MaybePromise<BudgetResult> {
    return this.#store.spend(request)
  }

  remaining(budget: BudgetId): MaybePromise<Credits> {
    return this.#store.remaining(budget)
  }

  initialize(budget: BudgetId, credits: Credits): MaybePromise<void> {
    return this.#store.initialize(budget, credits)
  }

  grant(request: GrantRequest): MaybePromise<MoveResult> {
    return this.#store.grant(request)
  }

  transfer(request: TransferRequest): MaybePromise<MoveResult> {
    return this.#store.transfer(request)
  }

  close(request: CloseRequest): MaybePromise<CloseResult> {
    this.#stop()
    return this.#store.close(request)
  }

  describe(budget: BudgetId, authority?: Authority): MaybePromise<BudgetView> {
    return this.#store.describe(budget, authority)
  }

  /**
   * Gives back what is left of all leases; afterwards the store decides everything. A call under way is charged or not,
   * as its hold says for when nobody ends it.
   */
  shutdown(): Promise<void> {
    return (this.#closing ??= this.#shutdown())
  }

  async #shutdown(): Promise<void> {
    this.#isClosed = true
    this.#cancelTimer?.()
    await this.#holds.close()
    await this.#wallets.close(true)
    await this.#outbox.flush()
    await this.#journal.close()
  }

  // The store decides first, for a lease would take what the call needs.
  #exactly(request: HoldRequest, wallet: Wallet, now: Asked): MaybePromise<HoldResult> {
    const answer = this.#holds.placeInStore(request, wallet, now)
    if (!this.#holds.isGivingBack(request.id)) wallet.fetch(request.lines[0]?.amount ?? 0, now)
    return answer
  }

  // What is closed or revoked may be any of them, or above them.
  #stop(): void {
    void this.#wallets.close(false)
  }

  #schedule(): void {
    const { clock, ttlMs } = this.#settings
    this.#cancelTimer = clock.after(ttlMs / TICKS, () => {
      const now = this.#now()
      this.#holds.expire(now.steady)
      this.#wallets.tick(now)
      this.#leftOvers.giveBack()
      this.#schedule()
    })
  }

  // The clock that is never set takes twice as long to read. Within a millisecond of the other it has gone no further;
  // it is read all the same at times, for the other may stand still.
  #now(): Asked {
    const wall = this.#settings.clock.now()
    const time = this.#time
    if (wall !== time.wall || ++this.#readings >= MOST_READINGS) {
      time.steady = this.#settings.steady()
      this.#readings = 0
    }
    time.wall = wall
    return time
  }
}
