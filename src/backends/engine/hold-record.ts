import { budgetId } from '../../budget/budget-id.js'
import { tokenIdOf, type HeldAuthority } from './authorities.js'
import type { Authority } from '../../budget/authority.js'
import type { ChargeId } from '../../core/ids.js'
import type { Credits } from '../../core/credits.js'
import type { HoldLine, HoldRequest, WindowSpan } from '../../budget/enforcer.js'
import type { LineRefusal } from './hold-lines.js'
import type { HoldState, OnExpire, Overage } from '../../budget/hold.js'
import type { BudgetRecord } from './budget-record.js'
import type { Timed } from './timed.js'

/** One line of a hold, resolved. */
export interface HeldLine {
  readonly budget: BudgetRecord
  readonly amount: Credits
  readonly unit: string | undefined
  /** The window that it was placed in. */
  readonly window: WindowSpan | undefined
}

/** What a hold has that is a lease, beside its one line. */
export interface Lease {
  readonly instance: string
  readonly least: Credits
  readonly most: Credits
  /** As it was answered. */
  readonly live: number
  readonly expiresAt: number
  /** The most that was reported. */
  used: Credits
  /** The request that gave back what was forfeited. */
  reconciled?: { readonly id: string; readonly used: Credits; readonly returned: Credits }
}

/** A forfeited lease is remembered so much longer than an answer: who may give it back comes after a restart. */
const FORFEITED_MS = 604_800_000

/** From when on an ended hold is remembered as long as an answer. */
export function rememberedFrom({ lease, state }: HoldRecord, now: number): number {
  return lease !== undefined && state === 'expired' && lease.reconciled === undefined ? now + FORFEITED_MS : now
}

/** How a hold ended: what a repeated request is answered with. */
export interface HoldEndRecord {
  readonly by: 'capture' | 'release' | 'expire' | 'late'
  /** The request that ended it; `undefined` for one whose time was up. */
  readonly id: string | undefined
  readonly amount: Credits
  readonly overage: Overage | undefined
  readonly charged: Credits
  readonly returned: Credits
}

/**
 * A hold and the memory of it: after its end, or when it was refused, the record stays for a while so that the same
 * request gets the same answer. Kept small, for there may be a million.
 */
export class HoldRecord implements Timed {
  slot = -1
  next: Timed | undefined = undefined
  previous: Timed | undefined = undefined
  /** How many had ended before it, where a table counts them. */
  order = 0
  /** One that is `refused` never held anything. */
  state: HoldState | 'refused'
  end: HoldEndRecord | undefined = undefined
  /** The rounds that were consumed, in order, and the requests that did it; made with the first. */
  rounds: Map<number, string> | undefined = undefined
  deadline: number
  readonly ttlMs: number
  /** As it was asked for, and what an extension has made of it. */
  readonly onExpire: OnExpire
  expires: OnExpire
  readonly overdraft: boolean
  readonly tool: string | undefined
  readonly server: string | undefined
  /** The id of the token that it was asked for with. */
  readonly token: string | undefined
  /** Where it is a lease. */
  lease: Lease | undefined = undefined
  /** What of the token is counted. */
  authority: HeldAuthority | undefined = undefined

  constructor(
    readonly id: ChargeId,
    terms: HoldTerms,
    public lines: readonly HeldLine[],
    state: HoldRecord['state'],
    placedAt: number,
    readonly remaining: Credits,
    readonly debt: Credits,
    /** Why it was refused, and what was asked: its lines may name no budget that exists. */
    readonly refused: { readonly by: LineRefusal; readonly lines: readonly HoldLine[] } | undefined,
  ) {
    this.state = state
    this.deadline = placedAt + terms.ttlMs
    this.ttlMs = terms.ttlMs
    this.onExpire = terms.onExpire
    this.expires = terms.onExpire
    this.overdraft = terms.overdraft ?? false
    this.tool = terms.meta?.tool
    this.server = terms.meta?.server
    this.token = tokenIdOf(terms.authority)
  }

  /** What was asked beside the lines. */
  get terms(): HoldTerms {
    const { ttlMs, onExpire, overdraft, tool, server } = this
    return { ttlMs, onExpire, overdraft, ...(tool !== undefined && { meta: { tool, server } }) }
  }
}

/** Whether a hold puts aside what these lines ask for, where any are given. */
export function isHoldOf({ lines }: HoldRecord, asked: readonly HoldLine[] | undefined): boolean {
  const held = lines.map(({ budget, amount, unit }) => lineKey(budget.id, amount, unit)).sort()
  return (
    asked === undefined ||
    held.join() ===
      asked
        .map((line) => lineKey(budgetId(line.budget), line.amount, line.unit))
        .sort()
        .join()
  )
}

function lineKey(budget: string, amount: Credits, unit = 'credits'): string {
  return `${budget} ${amount} ${unit}`
}

/** What a hold is asked for with, beside its lines. */
export type HoldTerms = Pick<HoldRequest, 'ttlMs' | 'onExpire' | 'overdraft' | 'meta'> & {
  readonly authority?: Pick<Authority, 'prefixIds'>
}

/** Whether a request asks for the hold that is recorded. */
export function sameHold(known: HoldRecord, request: HoldRequest): boolean {
  if (known.lease !== undefined || known.token !== tokenIdOf(request.authority)) return false
  const lines = known.refused?.lines ?? known.lines.map((line) => ({ ...line, budget: line.budget.id }))
  return asText(known.terms, lines) === asText(request, request.lines)
}

// Windows are left out: a repetition may come when the caller's calendar has moved on.
function asText({ ttlMs, onExpire, overdraft = false, meta }: HoldTerms, lines: readonly AskedLine[]): string {
  const asked = lines.map(({ budget, amount, unit = 'credits' }) => [budgetId(budget), amount, unit])
  return JSON.stringify([ttlMs, onExpire, overdraft, meta?.tool, meta?.server, asked])
}

type AskedLine = Omit<HoldLine, 'unit' | 'window'> & { readonly unit?: string | undefined }
