import type { Credits } from '../../core/credits.js'
import { budgetId } from '../../budget/budget-id.js'
import { chargeIdTime } from '../../core/ids.js'
import {
  endChange,
  endChangeOfPastWindow,
  endHold,
  fits,
  holdChange,
  spendChange,
  type BalanceChange,
  type HoldEnd,
  type HoldEvent,
} from '../../budget/hold.js'
import { isMoney, lineEvent, openWindows, refuseLines, resolveLines, type LineRefusal } from './hold-lines.js'
import { Deadlines, type Timed } from './deadlines.js'
import { HoldRecord, sameHold, type HeldLine } from './hold-record.js'
import type { Book, EntryNote } from './book.js'
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

/** How long an ended hold is remembered, so that a repeated request gets the first answer. */
const REMEMBER = { ms: 600_000, entries: 100_000 } as const

/** The holds of the memory store. A request either changes all of its lines or nothing. */
export class Holds {
  readonly #book: Book
  readonly #records = new Map<string, HoldRecord>()
  readonly #deadlines: Deadlines
  #ended: Array<HoldRecord | undefined> = []
  #forgotten = 0
  /** The latest mint time among the holds that were forgotten. */
  #forgottenUpTo = 0

  constructor(book: Book, now: number) {
    this.#book = book
    this.#deadlines = new Deadlines(now)
  }

  place(request: HoldRequest, now: number): HoldResult {
    const known = this.#records.get(request.id)
    if (known !== undefined) return replayHold(known, request)
    const lines = resolveLines(this.#book, request.lines, now)
    const refused =
      'reason' in lines
        ? lines
        : (openWindows(this.#book, lines, request.id, now) ??
          refuseLines(this.#book, lines, request.overdraft === true))
    if (refused !== undefined) return this.#rememberRefused(request, refused, now)
    // After this point the hold must succeed.
    const held = lines as readonly HeldLine[]
    const note: EntryNote = { op: 'hold', id: request.id, at: now, tool: request.meta?.tool }
    let remaining = Infinity
    let debt = 0
    for (const { budget, amount } of held) {
      const change = holdChange(budget, amount)
      this.#book.change(budget, change, note)
      budget.openHolds++
      debt += change.debt
      if (budget.available < remaining) remaining = budget.available
    }
    const record = new HoldRecord(
      request.id,
      request,
      held,
      'open',
      now + request.ttlMs,
      request.onExpire,
      remaining,
      debt,
      undefined,
    )
    this.#records.set(record.id, record)
    this.#deadlines.add(record)
    return { kind: 'held', holdId: record.id, remaining, debt }
  }

  capture(request: CaptureRequest, now: number): CaptureResult {
    const { id, holdId, amount, overage } = request
    const hold = this.#records.get(holdId)
    if (hold === undefined || hold.state === 'refused') return this.#captureUnplaced(hold, request, now)
    if (hold.endId === id && (hold.endKind === 'capture' || hold.endKind === 'late')) {
      if (hold.endAmount !== amount || hold.endOverage !== overage) return { kind: 'refused', reason: 'id_reused' }
      return { kind: 'captured', charged: hold.charged, late: hold.endKind === 'late' }
    }
    // Given back when its time was up; but the work was done.
    const gaveBack = hold.state === 'expired' && hold.onExpire === 'release' && hold.endKind === 'expire'
    if (gaveBack) return this.#captureLate(hold, request, now)
    if (hold.state !== 'open') return { kind: 'refused', reason: 'hold_ended' }
    if (!this.#overageFits(hold, amount, overage)) return { kind: 'refused', reason: 'overflow' }
    this.#end(hold, { kind: 'capture', amount, overage }, 'capture', id, now)
    return { kind: 'captured', charged: hold.charged, late: false }
  }

  release(request: ReleaseRequest, now: number): ReleaseResult {
    const { id, holdId } = request
    const hold = this.#records.get(holdId)
    if (hold === undefined) {
      const barred = new HoldRecord(holdId, undefined, [], 'barred', now, 'release', 0, 0, undefined)
      barred.endId = id
      barred.endKind = 'release'
      this.#remember(barred, now)
      return { kind: 'released', returned: 0 }
    }
    if (hold.endId === id && hold.endKind === 'release') return { kind: 'released', returned: hold.returned }
    if (hold.state !== 'open') return { kind: 'refused', reason: 'hold_ended' }
    this.#end(hold, { kind: 'release' }, 'release', id, now)
    return { kind: 'released', returned: hold.returned }
  }

  extend(request: ExtendRequest, now: number): ExtendResult {
    const hold = this.#records.get(request.holdId)
    if (hold === undefined) return { kind: 'refused', reason: 'unknown_hold' }
    if (hold.state !== 'open') return { kind: 'refused', reason: 'hold_ended' }
    const deadline = Math.max(hold.deadline, now + request.ttlMs)
    this.#deadlines.remove(hold)
    hold.deadline = deadline
    this.#deadlines.add(hold)
    return { kind: 'extended', expiresAt: deadline }
  }

  /** Ends every hold whose time is up. */
  expireDue(now: number): void {
    if (this.#deadlines.size === 0) return
    this.#deadlines.turn(now, this.#expire)
  }

  readonly #expire = (item: Timed): void => {
    const hold = item as HoldRecord
    // Dated by its deadline, not by who happened to look: a replay must give the same story.
    this.#end(hold, { kind: 'expire', onExpire: hold.onExpire }, 'expire', undefined, hold.deadline)
  }

  #end(
    hold: HoldRecord,
    event: HoldEvent,
    kind: 'capture' | 'release' | 'expire',
    id: string | undefined,
    now: number,
  ): void {
    this.#deadlines.remove(hold)
    const note: EntryNote = { op: kind, id: hold.id, at: now, tool: hold.request?.meta?.tool }
    for (const line of hold.lines) {
      const end = endHold('open', line.amount, lineEvent(line, event))
      if (end.kind !== 'ended') continue
      this.#book.change(line.budget, endChangeOf(line, end), note)
      line.budget.openHolds--
      hold.state = end.state
      if (isMoney(line)) hold.charged = Math.max(hold.charged, end.charged + end.beyond)
      if (isMoney(line)) hold.returned = Math.max(hold.returned, end.returned)
      if (line.budget.state !== 'open') this.#book.drain(line.budget, note)
    }
    hold.endKind = kind
    hold.endId = id
    if (event.kind === 'capture') {
      hold.endAmount = event.amount
      hold.endOverage = event.overage
    }
    this.#remember(hold, now)
  }

  // Never seen, or refused to somebody who did not hear of it and let the call pass (`failMode: { open }`).
  #captureUnplaced(refused: HoldRecord | undefined, request: CaptureRequest, now: number): CaptureResult {
    const minted = chargeIdTime(request.holdId)
    // A charge older than what was forgotten may have been captured before: charging it twice is worse than not at all.
    const neverSeen = minted !== undefined && minted > this.#forgottenUpTo
    if (request.lines === undefined || !neverSeen) return { kind: 'refused', reason: 'unknown_hold' }
    // Windows are left out: the calendar may have moved on, and the spend is known all the same.
    const bare = request.lines.map(({ window: _window, ...line }) => line)
    const lines = resolveLines(this.#book, bare, now)
    if ('reason' in lines) return { kind: 'refused', reason: lines.reason }
    const { request: first, remaining = 0, refusedBy } = refused ?? {}
    const hold = new HoldRecord(request.holdId, first, lines, 'expired', now, 'release', remaining, 0, refusedBy)
    const answer = this.#captureLate(hold, request, now)
    if (answer.kind === 'captured') this.#remember(hold, now)
    return answer
  }

  #captureLate(hold: HoldRecord, request: CaptureRequest, now: number): CaptureResult {
    const ends = hold.lines.map((line) => {
      const event = lineEvent(line, { kind: 'capture', amount: request.amount, overage: request.overage })
      const end = endHold('open', line.amount, event)
      const charged = end.kind === 'ended' ? end.charged + end.beyond : 0
      return { line, charged, change: lateChange(line, charged) }
    })
    if (ends.some(({ line, change }) => !fits(line.budget, change))) return { kind: 'refused', reason: 'overflow' }
    const note: EntryNote = { op: 'late', id: hold.id, at: now, tool: (hold.request ?? request).meta?.tool }
    for (const { line, charged, change } of ends) {
      this.#book.change(line.budget, change, note)
      if (isMoney(line)) hold.charged = Math.max(hold.charged, charged)
    }
    hold.endKind = 'late'
    hold.endId = request.id
    hold.endAmount = request.amount
    hold.endOverage = request.overage
    hold.state = 'captured'
    return { kind: 'captured', charged: hold.charged, late: true }
  }

  #overageFits(hold: HoldRecord, amount: Credits, overage: CaptureRequest['overage']): boolean {
    return hold.lines.every((line) => {
      const end = endHold('open', line.amount, lineEvent(line, { kind: 'capture', amount, overage }))
      return end.kind === 'ended' && fits(line.budget, endChangeOf(line, end))
    })
  }

  #rememberRefused(request: HoldRequest, by: LineRefusal, now: number): HoldResult {
    const record = new HoldRecord(request.id, request, [], 'refused', now, request.onExpire, by.remaining, 0, by)
    this.#remember(record, now)
    return { kind: 'refused', reason: by.reason, budget: by.budget, remaining: by.remaining }
  }

  #remember(hold: HoldRecord, now: number): void {
    hold.endedAt = now
    this.#records.set(hold.id, hold)
    this.#ended.push(hold)
    for (;;) {
      const oldest = this.#ended[this.#forgotten] as HoldRecord
      const kept = this.#ended.length - this.#forgotten
      if (kept <= REMEMBER.entries && oldest.endedAt + REMEMBER.ms > now) break
      if (this.#records.get(oldest.id) === oldest) this.#records.delete(oldest.id)
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, chargeIdTime(oldest.id) ?? oldest.endedAt)
      // Let go of now: the array itself is cut only now and then.
      this.#ended[this.#forgotten++] = undefined
    }
    if (this.#forgotten > REMEMBER.entries) {
      this.#ended = this.#ended.slice(this.#forgotten)
      this.#forgotten = 0
    }
  }
}

function replayHold(known: HoldRecord, request: HoldRequest): HoldResult {
  if (known.request === undefined)
    return { kind: 'refused', reason: 'hold_ended', budget: budgetId(request.lines[0]?.budget ?? ''), remaining: 0 }
  if (!sameHold(known.request, request)) {
    return { kind: 'refused', reason: 'id_reused', budget: budgetId(request.lines[0]?.budget ?? ''), remaining: 0 }
  }
  if (known.refusedBy === undefined) {
    return { kind: 'held', holdId: known.id, remaining: known.remaining, debt: known.debt }
  }
  return { kind: 'refused', ...known.refusedBy, remaining: known.remaining }
}

function isPast(line: HeldLine): boolean {
  return line.windowStart !== undefined && line.windowStart !== line.budget.windowStart
}

/** What the end of a hold does to a line's budget: it ends in the window it was placed in. */
function endChangeOf(line: HeldLine, end: Extract<HoldEnd, { kind: 'ended' }>): BalanceChange {
  return isPast(line) ? endChangeOfPastWindow(end) : endChange(line.budget, end)
}

/** What a charge does to a line's budget whose hold was given back, or never placed. */
function lateChange(line: HeldLine, charged: Credits): BalanceChange {
  if (!isPast(line)) return spendChange(line.budget, charged)
  return endChangeOfPastWindow({ kind: 'ended', state: 'captured', charged: 0, returned: 0, beyond: charged })
}
