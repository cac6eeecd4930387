import { HoldRecord, type HeldLine, type HoldEndRecord, type Lease } from '../engine/hold-record.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { BudgetRecord } from '../engine/budget-record.js'
import type { HeldAuthority } from '../engine/authorities.js'
import type { HoldRow } from './rows.js'
import type { OnExpire } from '../../budget/hold.js'
import type { WindowSpan } from '../../budget/enforcer.js'

/** A line, as it is kept: budget, amount, unit, and the window that it was placed in. */
type KeptLine = readonly [budget: BudgetId, amount: number, unit: string | null, window: WindowSpan | null]

/** What a hold has beside its columns. Keys without a value are left out. */
interface Body {
  readonly lines: readonly KeptLine[]
  readonly ttlMs: number
  readonly onExpire: OnExpire
  /** What an extension has made of it. */
  readonly expires?: OnExpire | undefined
  readonly overdraft: boolean
  readonly tool?: string | undefined
  readonly server?: string | undefined
  readonly token?: string | undefined
  readonly remaining: number
  readonly debt: number
  readonly end?: HoldEndRecord | undefined
  readonly rounds?: ReadonlyArray<readonly [number, string]> | undefined
  readonly authority?: HeldAuthority | undefined
  readonly lease?: Lease | undefined
  readonly refused?: HoldRecord['refused']
}

/** What a hold that is not loaded yet leads to. */
export interface HoldLinks {
  readonly budgets: readonly BudgetId[]
  readonly authority: HeldAuthority | undefined
}

/** The row of a hold. */
export function holdRow(hold: HoldRecord, partition: string, endedAt: number | null): HoldRow {
  const { id, state, deadline, ttlMs, onExpire, overdraft, tool, server, token, remaining, debt } = hold
  const { end, rounds, authority, lease, refused, expires } = hold
  const lines = hold.lines.map(({ budget, amount, unit, window }) => [budget.id, amount, unit ?? null, window ?? null])
  const body: Body = {
    lines: lines as unknown as readonly KeptLine[],
    ttlMs,
    onExpire,
    ...(expires !== onExpire && { expires }),
    overdraft,
    tool,
    server,
    token,
    remaining,
    debt,
    end,
    rounds: rounds && [...rounds],
    authority,
    lease,
    refused,
  }
  return { id, partition, state, deadline, ended_at: endedAt, body: JSON.stringify(body) }
}

/** What must be loaded beside a hold. */
export function linksOf({ body }: HoldRow): HoldLinks {
  const { lines, authority } = JSON.parse(body) as Body
  return { budgets: lines.map(([budget]) => budget), authority }
}

/** What a hold puts aside, and its lease, where it is one: as much as can be read of what is damaged. */
export function linesOf({ body }: HoldRow): {
  readonly lines: ReadonlyArray<readonly [budget: BudgetId, amount: number]>
  readonly lease: Lease | undefined
} {
  const { lines, lease } = readable(body)
  const kept = Array.isArray(lines) ? lines : []
  return { lines: kept.map(([budget, amount]) => [budget, amount]), lease }
}

function readable(body: string): Partial<Body> {
  try {
    return JSON.parse(body) as Partial<Body>
  } catch {
    return {}
  }
}

/** The hold of a row; `undefined` where one of its budgets was forgotten. */
export function holdOf(row: HoldRow, budgets: ReadonlyMap<BudgetId, BudgetRecord>): HoldRecord | undefined {
  const { id, state, deadline } = row
  const body = JSON.parse(row.body) as Body
  const { ttlMs, onExpire, overdraft, tool, server, token, remaining, debt } = body
  const lines: HeldLine[] = []
  for (const [name, amount, unit, window] of body.lines) {
    const budget = budgets.get(name)
    if (budget === undefined) return undefined
    lines.push({ budget, amount, unit: unit ?? undefined, window: window ?? undefined })
  }
  const terms = {
    ttlMs,
    onExpire,
    overdraft,
    ...(tool !== undefined && { meta: { tool, server } }),
    ...(token !== undefined && { authority: { prefixIds: [token] } }),
  }
  const hold = new HoldRecord(id, terms, lines, state as HoldRecord['state'], 0, remaining, debt, body.refused)
  hold.deadline = deadline
  hold.expires = body.expires ?? onExpire
  hold.end = body.end && { ...body.end, id: body.end.id, overage: body.end.overage }
  hold.rounds = body.rounds && new Map(body.rounds)
  hold.authority = body.authority
  hold.lease = body.lease
  return hold
}
