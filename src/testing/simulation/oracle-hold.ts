import type {
  CaptureRequest,
  CaptureResult,
  HoldRequest,
  HoldResult,
  ReleaseRequest,
  ReleaseResult,
  WindowSpan,
} from '../../budget/enforcer.js'
import type { Credits } from '../../core/credits.js'
import type { HoldEvent, HoldState, OnExpire } from '../../budget/hold.js'
import type { OracleBudget } from './oracle-book.js'

/** One line of a hold. */
export interface OracleLine {
  readonly budget: OracleBudget
  readonly amount: Credits
  readonly isMoney: boolean
  /** The window that it was placed in. */
  readonly window: WindowSpan | undefined
}

/** A hold as the oracle sees it; `refused` and `barred` never held anything, `barred` was released before it came. */
export interface OracleHold {
  readonly id: string
  readonly request: HoldRequest | undefined
  readonly answer: HoldResult
  lines: readonly OracleLine[]
  state: HoldState | 'refused' | 'barred'
  deadline: number
  onExpire: OnExpire
  /** The request that ended it, and what that was told. */
  end: { readonly request: CaptureRequest | ReleaseRequest; readonly answer: CaptureResult | ReleaseResult } | undefined
  charged: Credits
  /** The requests that consumed its rounds, by round. */
  readonly rounds: Map<number, string>
}

/** A hold at its beginning. */
export function newHold(
  id: string,
  request: HoldRequest | undefined,
  answer: HoldResult,
  state: OracleHold['state'],
  lines: readonly OracleLine[],
  deadline: number,
): OracleHold {
  const onExpire = request?.onExpire ?? 'release'
  return { id, request, answer, lines, state, deadline, onExpire, end: undefined, charged: 0, rounds: new Map() }
}

/** Notes what ended a hold. */
export function finish<Answer extends CaptureResult | ReleaseResult>(
  hold: OracleHold,
  request: CaptureRequest | ReleaseRequest,
  answer: Answer,
): Answer {
  hold.end = { request, answer }
  return answer
}

/** What the request that ended the hold was told, when it comes again. */
export function repeated<Answer extends CaptureResult | ReleaseResult>(
  hold: OracleHold,
  request: CaptureRequest | ReleaseRequest,
  kind: 'captured' | 'released',
): Answer | undefined {
  if (hold.end?.request.id !== request.id || hold.end.answer.kind !== kind) return undefined
  if (isSame(hold.end.request, request)) return hold.end.answer as Answer
  return { kind: 'refused', reason: 'id_reused' } as Answer
}

/** A line of another unit than credits is charged as it was held. */
export function eventOf(line: OracleLine, event: HoldEvent): HoldEvent {
  return event.kind === 'capture' && !line.isMoney ? { ...event, amount: line.amount } : event
}

/** Whether the window is over that a line was placed in. */
export function isPast(line: OracleLine): boolean {
  return line.window !== undefined && line.window[0] !== line.budget.window?.[0]
}

/** Whether two requests ask for the same. Windows do not count: the caller's calendar may have moved on. */
export function isSame(a: object, b: object): boolean {
  return a === b || JSON.stringify(a, withoutWindows) === JSON.stringify(b, withoutWindows)
}

function withoutWindows(key: string, value: unknown): unknown {
  return key === 'window' ? undefined : value
}
