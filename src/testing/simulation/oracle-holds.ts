import { budgetId } from '../../budget/budget-id.js'
import { chargeIdTime } from '../../core/ids.js'
import { endHold, type HoldEvent } from '../../budget/hold.js'
import { available, type OracleBook } from './oracle-book.js'
import { judge, linesOf, openWindows, type OracleRefusal } from './oracle-lines.js'
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
import type { OracleTokens } from './oracle-tokens.js'

/** The holds of the oracle: which answer each request must get, and what its end does to the budgets. */
export class OracleHolds {
  readonly all = new Map<string, OracleHold>()
  readonly #book: OracleBook
  readonly #tokens: OracleTokens
  readonly #open = new Set<OracleHold>()
  readonly #onEnd: (hold: OracleHold, charged: Credits) => void

  constructor(book: OracleBook, tokens: OracleTokens, onEnd: (hold: OracleHold, charged: Credits) => void) {
    this.#book = book
    this.#tokens = tokens
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
    const refused = 'reason' in lines ? lines : this.#refuse(request, lines, now)
    if (refused !== undefined) return this.#add(request, { kind: 'refused', ...refused }, 'refused', [], now).answer
    const held = lines as readonly OracleLine[]
    const { authority } = request
    if (authority !== undefined) this.#tokens.count({ authority, amount: held[0]?.amount ?? 0, isCall: true }, now)
    let owed = 0
    for (const { budget, amount } of held) {
      owed += Math.max(0, amount - available(budget))
      budget.held += amount
      budget.openHolds++
    }
    const remaining = this.#left(request, held)
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
    const { id, round = 0, onExpire } = request
    if (round > 0 && hold.rounds.get(round) !== id) {
      if ([...hold.rounds.values()].includes(id)) return { kind: 'refused', reason: 'id_reused' }
      if (Math.max(0, ...hold.rounds.keys()) >= round) return { kind: 'refused', reason: 'round_used' }
      hold.rounds.set(round, id)
    }
    hold.deadline = Math.max(onExpire === undefined ? hold.deadline : 0, now + request.ttlMs)
    hold.onExpire = onExpire ?? hold.onExpire
    const remaining = this.#left(hold.request, hold.lines)
    const debt = hold.answer.kind === 'held' ? hold.answer.debt : 0
    return { kind: 'extended', expiresAt: hold.deadline, remaining, debt }
  }

  /** Ends every hold whose time is up. */
  expire(now: number): void {
    for (const hold of this.#open) {
      if (hold.deadline <= now) this.#end(hold, { kind: 'expire', onExpire: hold.onExpire })
    }
  }

  #left(request: HoldRequest | undefined, lines: readonly OracleLine[]): Credits {
    const left = request?.authority === undefined ? Infinity : this.#tokens.left(request.authority)
    return Math.min(left, ...lines.map(({ budget }) => available(budget)))
  }

  #refuse(request: HoldRequest, lines: readonly OracleLine[], now: number): OracleRefusal | undefined {
    const { authority, overdraft = false } = request
    if (authority === undefined) return openWindows(this.#book, lines) ?? judge(this.#book, lines, overdraft)
    const [first] = lines
    const payer = this.#tokens.payer(authority)
    if (payer === undefined || payer !== first?.budget)
      return { reason: 'unknown_budget', budget: budgetId(authority.budget), remaining: 0 }
    const closed = lines.find(({ budget }) => budget.state !== 'open')
    if (closed !== undefined) return { reason: 'closed', budget: closed.budget.id, remaining: 0 }
    const windowed = openWindows(this.#book, lines)
    const used = this.#tokens.refuse({ authority, amount: first.amount, isCall: true }, now)
    const beyond = used && { ...used, budget: payer.id, remaining: used.reason === 'revoked' ? 0 : available(payer) }
    const refused = windowed ?? beyond ?? judge(this.#book, lines, overdraft)
    return refused && { ...refused, remaining: Math.min(refused.remaining, this.#tokens.left(authority)) }
  }

  // What was held and not used, or is late, in the counts of the token.
  #count(hold: OracleHold, amount: number, calls: number): void {
    const { authority } = hold.request ?? {}
    if (authority === undefined) return
    this.#tokens.add(authority.ceilings, amount)
    this.#tokens.add(authority.calls, calls)
  }

  #end(hold: OracleHold, event: HoldEvent): void {
    this.#open.delete(hold)
    const { lines } = hold
    const isGivenBack = event.kind === 'release' || (event.kind === 'expire' && event.onExpire === 'release')
    for (const line of lines) {
      const end = endHold('open', line.amount, eventOf(line, event))
      if (end.kind !== 'ended') continue
      if (line === lines[0]) this.#count(hold, end.beyond - end.returned, isGivenBack ? -1 : 0)
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
    // What was refused was not counted, and is not by a capture that the store knows no token of.
    const isCounted = hold.answer.kind === 'held'
    for (const line of hold.lines) {
      const end = endHold('open', line.amount, eventOf(line, { kind: 'capture', ...request }))
      const charged = end.kind === 'ended' ? end.charged + end.beyond : 0
      if (isCounted && line === hold.lines[0]) this.#count(hold, charged, 1)
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
