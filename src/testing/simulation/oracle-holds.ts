import { budgetId } from '../../budget/budget-id.js'
import { chargeIdTime } from '../../core/ids.js'
import { endHold, type HoldEvent } from '../../budget/hold.js'
import { available, type OracleBook } from './oracle-book.js'
import { judge, linesOf, openWindows } from './oracle-lines.js'
import { eventOf, finish, isPast, isSame, newHold, repeated, type OracleHold, type OracleLine } from './oracle-hold.js'
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
import type { Credits } from '../../core/credits.js'

/** The holds of the oracle: which answer each request must get, and what its end does to the budgets. */
export class OracleHolds {
  readonly all = new Map<string, OracleHold>()
  readonly #book: OracleBook
  readonly #open = new Set<OracleHold>()
  readonly #onEnd: (hold: OracleHold, charged: Credits) => void

  constructor(book: OracleBook, onEnd: (hold: OracleHold, charged: Credits) => void) {
    this.#book = book
    this.#onEnd = onEnd
  }

  hold(request: HoldRequest, now: number): HoldResult {
    const known = this.all.get(request.id)
    const first = budgetId(request.lines[0]?.budget ?? '')
    if (known !== undefined) {
      const reason = known.request === undefined ? 'hold_ended' : 'id_reused'
      if (known.request !== undefined && isSame(known.request, request)) return known.answer
      return { kind: 'refused', reason, budget: first, remaining: 0 }
    }
    const lines = linesOf(this.#book, request.lines, now)
    const refused =
      'reason' in lines
        ? lines
        : (openWindows(this.#book, lines) ?? judge(this.#book, lines, request.overdraft === true))
    if (refused !== undefined) return this.#add(request, { kind: 'refused', ...refused }, 'refused', [], now).answer
    const held = lines as readonly OracleLine[]
    let owed = 0
    for (const { budget, amount } of held) {
      owed += Math.max(0, amount - available(budget))
      budget.held += amount
      budget.openHolds++
    }
    const remaining = Math.min(...held.map(({ budget }) => available(budget)))
    const answer = { kind: 'held', holdId: request.id, remaining, debt: owed } as const
    const hold = this.#add(request, answer, 'open', held, now + request.ttlMs)
    this.#open.add(hold)
    return answer
  }

  capture(request: CaptureRequest): CaptureResult {
    const hold = this.all.get(request.holdId)
    if (hold === undefined || hold.state === 'refused') return this.#captureUnseen(hold, request)
    const again = repeated<CaptureResult>(hold, request, 'captured')
    if (again !== undefined) return again
    if (hold.state === 'open') {
      const { amount, overage } = request
      this.#end(hold, { kind: 'capture', amount, overage })
      return finish<CaptureResult>(hold, request, { kind: 'captured', charged: hold.charged, late: false })
    }
    const gaveBack = hold.state === 'expired' && hold.onExpire === 'release'
    return gaveBack ? this.#late(hold, request) : { kind: 'refused', reason: 'hold_ended' }
  }

  release(request: ReleaseRequest, now: number): ReleaseResult {
    const hold = this.all.get(request.holdId)
    if (hold === undefined) {
      const answer: HoldResult = { kind: 'refused', reason: 'hold_ended', budget: '', remaining: 0 }
      const barred = newHold(request.holdId, undefined, answer, 'barred', [], now)
      this.all.set(request.holdId, barred)
      return finish<ReleaseResult>(barred, request, { kind: 'released', returned: 0 })
    }
    const again = repeated<ReleaseResult>(hold, request, 'released')
    if (again !== undefined) return again
    if (hold.state !== 'open') return { kind: 'refused', reason: 'hold_ended' }
    this.#end(hold, { kind: 'release' })
    const returned = Math.max(0, ...hold.lines.filter(({ isMoney }) => isMoney).map(({ amount }) => amount))
    return finish<ReleaseResult>(hold, request, { kind: 'released', returned })
  }

  extend(request: ExtendRequest, now: number): ExtendResult {
    const hold = this.all.get(request.holdId)
    if (hold === undefined) return { kind: 'refused', reason: 'unknown_hold' }
    if (hold.state !== 'open') return { kind: 'refused', reason: 'hold_ended' }
    const { id, round = 0 } = request
    if (round > 0 && hold.rounds.get(round) !== id) {
      if ([...hold.rounds.values()].includes(id)) return { kind: 'refused', reason: 'id_reused' }
      if (Math.max(0, ...hold.rounds.keys()) >= round) return { kind: 'refused', reason: 'round_used' }
      hold.rounds.set(round, id)
    }
    hold.deadline = Math.max(hold.deadline, now + request.ttlMs)
    const remaining = Math.min(...hold.lines.map(({ budget }) => available(budget)))
    const debt = hold.answer.kind === 'held' ? hold.answer.debt : 0
    return { kind: 'extended', expiresAt: hold.deadline, remaining, debt }
  }

  /** Ends every hold whose time is up. */
  expire(now: number): void {
    for (const hold of this.#open) {
      if (hold.deadline <= now) this.#end(hold, { kind: 'expire', onExpire: hold.onExpire })
    }
  }

  #end(hold: OracleHold, event: HoldEvent): void {
    this.#open.delete(hold)
    const { lines } = hold
    for (const line of lines) {
      const end = endHold('open', line.amount, eventOf(line, event))
      if (end.kind !== 'ended') continue
      if (isPast(line)) this.#book.makeGood(line.budget, end.beyond, end.returned)
      line.budget.held -= line.amount
      line.budget.openHolds--
      line.budget.spent += end.charged + end.beyond
      hold.state = end.state
      if (line.isMoney) hold.charged = Math.max(hold.charged, end.charged + end.beyond)
    }
    for (const { budget } of lines) this.#book.drain(budget)
    this.#onEnd(hold, hold.charged)
  }

  #captureUnseen(refused: OracleHold | undefined, request: CaptureRequest): CaptureResult {
    if (request.lines === undefined || chargeIdTime(request.holdId) === undefined)
      return { kind: 'refused', reason: 'unknown_hold' }
    const bare = request.lines.map(({ window: _window, ...line }) => line)
    const lines = linesOf(this.#book, bare, 0)
    if ('reason' in lines) return { kind: 'refused', reason: lines.reason }
    const answer: HoldResult = { kind: 'refused', reason: 'hold_ended', budget: '', remaining: 0 }
    const hold = newHold(request.holdId, refused?.request, refused?.answer ?? answer, 'expired', lines, 0)
    this.all.set(hold.id, hold)
    return this.#late(hold, request)
  }

  #late(hold: OracleHold, request: CaptureRequest): CaptureResult {
    for (const line of hold.lines) {
      const end = endHold('open', line.amount, eventOf(line, { kind: 'capture', ...request }))
      const charged = end.kind === 'ended' ? end.charged + end.beyond : 0
      if (isPast(line)) this.#book.makeGood(line.budget, charged, 0)
      line.budget.spent += charged
      if (line.isMoney) hold.charged = Math.max(hold.charged, charged)
    }
    hold.state = 'captured'
    this.#onEnd(hold, hold.charged)
    return finish<CaptureResult>(hold, request, { kind: 'captured', charged: hold.charged, late: true })
  }

  #add(
    request: HoldRequest,
    answer: HoldResult,
    state: OracleHold['state'],
    lines: readonly OracleLine[],
    deadline: number,
  ) {
    const hold = newHold(request.id, request, answer, state, lines, deadline)
    this.all.set(hold.id, hold)
    return hold
  }
}
