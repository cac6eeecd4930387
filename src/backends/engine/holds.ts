import { chargeIdTime } from '../../core/ids.js'
import { budgetId } from '../../budget/budget-id.js'
import {
  consumeRound,
  endChange,
  endChangeOfPastWindow,
  endHold,
  fits,
  holdChange,
  unheld,
  type HoldEnd,
  type HoldEvent,
  type HoldState,
} from '../../budget/hold.js'
import {
  isMoney,
  lineEvent,
  openWindows,
  refuseLines,
  refuseWindow,
  resolveLines,
  type LineRefusal,
} from './hold-lines.js'
import { refusePayer, refuseUse } from './hold-authority.js'
import { Delegated } from './delegated.js'
import type { Authorities } from './authorities.js'
import type { DeadlineTable, HoldTable, Records } from './records.js'
import type { Timed } from './timed.js'
import {
  HoldRecord,
  isHoldOf,
  rememberedFrom,
  sameHold,
  type HeldLine,
  type HoldEndRecord,
  type Lease,
} from './hold-record.js'
import { lend, opOf, takeBack } from './lease-record.js'
import type { Book } from './book.js'
import type { BudgetRecord } from './budget-record.js'
import type {
  CaptureRequest,
  CaptureResult,
  ExtendRequest,
  ExtendResult,
  HoldRequest,
  HoldResult,
  ReleaseRequest,
  ReleaseResult,
} from '../../budget/enforcer.js'

/** The terms of a hold that ended before it came: no request asks for them. */
const UNPLACED = { ttlMs: 0, onExpire: 'release' } as const

type Ended = Extract<HoldEnd, { kind: 'ended' }>

/** The holds. A request either changes all of its lines or nothing. */
export class Holds {
  readonly #book: Book
  readonly #table: HoldTable
  readonly #deadlines: DeadlineTable
  readonly #authorities: Authorities

  constructor(book: Book, { holds, deadlines }: Records, authorities: Authorities) {
    this.#book = book
    this.#table = holds
    this.#deadlines = deadlines
    this.#authorities = authorities
  }

  /** A lease, by its id; a hold that is none is not found. */
  findLease(id: string): HoldRecord | undefined {
    const hold = this.#table.find(id)
    return hold?.lease === undefined ? undefined : hold
  }

  /** @param lease what a lease has beside a hold */
  place(request: HoldRequest, now: number, lease?: Lease): HoldResult {
    const known = this.#table.find(request.id)
    if (known !== undefined) return replayHold(known, request)
    const lines = resolveLines(this.#book, request.lines, now)
    if ('reason' in lines) return this.#refuse(request, lines, now, lease)
    const { authority } = request
    const overdraft = request.overdraft === true
    const refused =
      refusePayer(this.#authorities, authority, lines) ??
      openWindows(this.#book, lines, request.id, now) ??
      refuseUse(this.#authorities, authority, lines, now) ??
      (lease && refuseWindow(lines)) ??
      refuseLines(this.#book, lines, overdraft)
    if (refused !== undefined) {
      // What is left says no more than what the token could spend.
      const remaining = Math.min(
        refused.remaining,
        authority === undefined ? Infinity : this.#authorities.left(authority),
      )
      return this.#refuse(request, { ...refused, remaining }, now, lease)
    }
    const changes = lines.map(({ budget, amount }) => ({ budget, change: holdChange(budget, amount) }))
    this.#book.commit(changes, {
      op: lease === undefined ? 'hold' : 'lease',
      id: request.id,
      at: now,
      tool: request.meta?.tool,
    })
    // After this point the hold must succeed.
    let remaining = Infinity
    let debt = 0
    for (const { budget, change } of changes) {
      budget.openHolds++
      debt += change.debt
      if (budget.available < remaining) remaining = budget.available
    }
    const counted = { amount: lines[0]?.amount ?? 0, isCall: true }
    const token = authority === undefined ? undefined : this.#authorities.count(authority, counted, now)
    if (token !== undefined) remaining = Math.min(remaining, this.#authorities.left(token))
    const record = new HoldRecord(request.id, request, lines, 'open', now, remaining, debt, undefined)
    record.authority = token
    if (lease !== undefined) lend(record, lease)
    this.#table.place(record, now)
    this.#deadlines.add(record)
    return { kind: 'held', holdId: record.id, remaining, debt }
  }

  capture(request: CaptureRequest, now: number): CaptureResult {
    const { id, holdId, amount, overage } = request
    const hold = this.#table.find(holdId)
    if (hold?.lease !== undefined) return { kind: 'refused', reason: 'unknown_hold' }
    if (hold === undefined || hold.state === 'refused') return this.#captureUnplaced(hold, request, now)
    const { end } = hold
    if (end?.id === id && (end.by === 'capture' || end.by === 'late')) {
      if (end.amount !== amount || end.overage !== overage) return { kind: 'refused', reason: 'id_reused' }
      return { kind: 'captured', charged: end.charged, late: end.by === 'late' }
    }
    // Given back when its time was up; but the work was done.
    const late = end?.by === 'expire' && hold.expires === 'release'
    if (hold.state !== 'open' && !late) return { kind: 'refused', reason: 'hold_ended' }
    return this.#capture(hold, request, now, late)
  }

  release(request: ReleaseRequest, now: number): ReleaseResult {
    const { id, holdId } = request
    // One that has not come yet is barred from coming.
    const hold = this.#table.find(holdId) ?? new HoldRecord(holdId, UNPLACED, [], 'open', now, 0, 0, undefined)
    const { end } = hold
    if (hold.lease !== undefined) return { kind: 'refused', reason: 'unknown_hold' }
    if (end?.id === id && end.by === 'release') return { kind: 'released', returned: end.returned }
    if (hold.state !== 'open') return { kind: 'refused', reason: 'hold_ended' }
    return { kind: 'released', returned: this.end(hold, { kind: 'release' }, id, now)?.returned ?? 0 }
  }

  extend(request: ExtendRequest, now: number): ExtendResult {
    const { id, round, onExpire } = request
    const hold = this.#table.find(request.holdId)
    if (hold === undefined || hold.lease !== undefined || !isHoldOf(hold, request.lines))
      return { kind: 'refused', reason: 'unknown_hold' }
    if (hold.state !== 'open') return { kind: 'refused', reason: 'hold_ended' }
    const reason = round === undefined ? undefined : consumeRound(hold, round, id)
    if (reason !== undefined) return { kind: 'refused', reason }
    const deadline = Math.max(onExpire === undefined ? hold.deadline : 0, now + request.ttlMs)
    hold.expires = onExpire ?? hold.expires
    this.prolong(hold, deadline)
    const left = hold.authority === undefined ? Infinity : this.#authorities.left(hold.authority)
    const remaining = Math.min(left, ...hold.lines.map(({ budget }) => budget.available))
    return { kind: 'extended', expiresAt: deadline, remaining, debt: hold.debt }
  }

  /** Sets the deadline of an open hold. */
  prolong(hold: HoldRecord, deadline: number): void {
    this.#deadlines.remove(hold)
    hold.deadline = deadline
    this.#deadlines.add(hold)
  }

  /** Ends every hold and every budget whose time is up. */
  expireDue(now: number): void {
    if (this.#deadlines.size === 0) return
    this.#deadlines.turn(now, this.#expire)
  }

  readonly #expire = (item: Timed): void => {
    // Dated by its deadline, not by who happened to look: a replay must give the same story.
    if (item instanceof Delegated) {
      this.#book.close(item.budget, { id: `expire:${item.budget.id}`, at: item.deadline })
      return
    }
    const hold = item as HoldRecord
    this.end(hold, { kind: 'expire', onExpire: hold.expires }, undefined, hold.deadline)
  }

  #capture(hold: HoldRecord, { id, amount, overage }: CaptureRequest, now: number, late: boolean): CaptureResult {
    const ended = this.end(hold, { kind: 'capture', amount, overage }, id, now, late)
    if (ended === undefined) return { kind: 'refused', reason: 'overflow' }
    return { kind: 'captured', charged: ended.charged, late }
  }

  /**
   * Ends a hold. Undefined when a balance would leave 2^53−1, which only what is charged beyond a hold can do.
   *
   * @param late nothing is held any more, or never was, so that all is charged beyond it
   */
  end(
    hold: HoldRecord,
    event: HoldEvent,
    id: string | undefined,
    now: number,
    late = false,
  ): HoldEndRecord | undefined {
    let charged = 0
    let returned = 0
    let state: HoldState = 'released'
    let closing: Set<BudgetRecord> | undefined
    let paid: Ended | undefined
    const changes = hold.lines.map((line) => {
      const { budget } = line
      const ended = endHold('open', line.amount, lineEvent(line, event)) as Ended
      const end = late ? unheld(ended.charged + ended.beyond) : ended
      state = end.state
      paid ??= end
      if (isMoney(line)) {
        charged = Math.max(charged, end.charged + end.beyond)
        returned = Math.max(returned, end.returned)
      }
      if (budget.state !== 'open') (closing ??= new Set()).add(budget)
      return { budget, change: isPast(line) ? endChangeOfPastWindow(end) : endChange(budget, end) }
    })
    const capture = event.kind === 'capture' ? event : undefined
    const unbounded = late || capture?.overage === 'debt'
    if (unbounded && !changes.every(({ budget, change }) => fits(budget, change))) return undefined
    const by = late ? 'late' : event.kind
    this.#book.commit(changes, { op: opOf(hold, by), id: hold.id, at: now, tool: hold.tool }, closing)
    this.#deadlines.remove(hold)
    hold.state = state
    if (hold.lease !== undefined) takeBack(hold, hold.lease)
    if (!late) for (const { budget } of changes) budget.openHolds--
    if (hold.authority !== undefined && paid !== undefined)
      this.#authorities.settle(hold.authority, usedBy(paid, event, late))
    const { amount = 0, overage } = capture ?? {}
    return this.#remember(hold, { by, id, amount, overage, charged, returned }, now)
  }

  // Never seen, or refused to somebody who did not hear of it and let the call pass (`failMode: { open }`).
  #captureUnplaced(refused: HoldRecord | undefined, request: CaptureRequest, now: number): CaptureResult {
    const minted = chargeIdTime(request.holdId)
    // A charge older than what was forgotten may have been captured before: charging it twice is worse than not at all.
    const neverSeen = minted !== undefined && !this.#table.isForgotten(minted, request.lines)
    if (request.lines === undefined || !neverSeen) return { kind: 'refused', reason: 'unknown_hold' }
    // Windows are left out: the calendar may have moved on, and the spend is known all the same.
    const bare = request.lines.map(({ window: _window, ...line }) => line)
    const lines = resolveLines(this.#book, bare, now)
    if ('reason' in lines) return { kind: 'refused', reason: lines.reason }
    const terms = { ...UNPLACED, ...(request.meta && { meta: request.meta }) }
    const hold = refused ?? new HoldRecord(request.holdId, terms, lines, 'expired', now, 0, 0, undefined)
    hold.lines = lines
    return this.#capture(hold, request, now, true)
  }

  /** Refuses a hold, and remembers it. */
  #refuse(request: HoldRequest, by: LineRefusal, now: number, lease?: Lease): HoldResult {
    const refused = { by, lines: request.lines }
    const hold = new HoldRecord(request.id, request, [], 'refused', now, by.remaining, 0, refused)
    hold.lease = lease
    this.#remember(hold, undefined, now)
    return { kind: 'refused', ...by }
  }

  #remember<End extends HoldEndRecord | undefined>(hold: HoldRecord, end: End, now: number): End {
    const again = hold.end !== undefined
    hold.end = end
    if (!again) this.#table.end(hold, rememberedFrom(hold, now))
    return end
  }
}

function replayHold(known: HoldRecord, request: HoldRequest): HoldResult {
  const { refused, remaining } = known
  const unplaced = known.ttlMs === UNPLACED.ttlMs
  if (unplaced || !sameHold(known, request)) {
    const [first] = request.lines
    const budget = budgetId(first?.budget ?? 'none')
    return { kind: 'refused', reason: unplaced ? 'hold_ended' : 'id_reused', budget, remaining: 0 }
  }
  return refused === undefined
    ? { kind: 'held', holdId: known.id, remaining, debt: known.debt }
    : { kind: 'refused', ...refused.by }
}

/** What the end of a hold changes in the counts of its token: it was counted whole, and not at all if it is late. */
function usedBy({ beyond, returned }: Ended, event: HoldEvent, late: boolean): { amount: number; calls: number } {
  const isGivenBack = event.kind === 'release' || (event.kind === 'expire' && event.onExpire === 'release')
  return { amount: beyond - returned, calls: late ? 1 : isGivenBack ? -1 : 0 }
}

/** Whether a line was placed in a window that is over: it ends there. */
function isPast(line: HeldLine): boolean {
  return line.window !== undefined && line.window[0] !== line.budget.window?.[0]
}
