import {
  budgetBookQuery,
  forfeitedBookQuery,
  holdsByIdQuery,
  MOST_HOLDS,
  openHoldsQuery,
  straysQuery,
  type BudgetBookRow,
  type BudgetPlace,
  type HoldBookRow,
  type StrayRow,
} from './book-queries.js'
import { invalid } from '../../core/settings.js'
import { keptText, olderTexts, textOf } from './kept-text.js'
import { linesOf } from './hold-rows.js'
import type { BookedBudget, BookedHold, BookEnd, BookPage, BookPageRequest, StoreBooks } from '../../ledger/books.js'
import type { HoldRow } from './rows.js'
import type { LedgerReader } from './sql-ledger.js'
import type { LedgerRecord } from '../../ledger/entry.js'

/** How books get at their database. */
export interface BooksAccess {
  read<Answer>(work: (reader: LedgerReader) => Promise<Answer>): Promise<Answer>
}

/** What a store with a database keeps beside its ledger. */
export class SqlBooks implements StoreBooks {
  readonly #access: BooksAccess

  constructor(access: BooksAccess) {
    this.#access = access
  }

  budgets({ cursor, limit }: BookPageRequest): ReturnType<StoreBooks['budgets']> {
    const after = cursor === undefined ? undefined : (JSON.parse(cursor) as BudgetPlace)
    return this.#access.read(async (reader) => {
      const found = await reader.select<BudgetBookRow>(budgetBookQuery(after?.[0] ?? '', limit))
      const page = pageOf(found, limit, bookedBudget, ({ id, partition }) => JSON.stringify([id, partition]))
      const last = page.next === undefined ? undefined : (JSON.parse(page.next) as BudgetPlace)
      const holds = await reader.select<HoldBookRow>(forfeitedBookQuery(after, last))
      return { ...page, forfeited: holds.map(bookedHold) }
    })
  }

  openHolds({ cursor, limit }: BookPageRequest): Promise<BookPage<BookedHold>> {
    const after = cursor === undefined ? (['', 0, ''] as const) : (JSON.parse(cursor) as [string, number, string])
    return this.#access.read(async (reader) => {
      const found = await reader.select<HoldBookRow>(openHoldsQuery(after, limit))
      return pageOf(found, limit, bookedHold, ({ partition, deadline, id }) =>
        JSON.stringify([partition, deadline, id]),
      )
    })
  }

  async holds({ partition, ids }: Parameters<StoreBooks['holds']>[0]): Promise<readonly BookedHold[]> {
    if (ids.length > MOST_HOLDS) throw invalid('ids.length', `at most ${MOST_HOLDS}`, ids.length)
    return this.#access.read(async (reader) => {
      const rows = await reader.select<HoldBookRow>(holdsByIdQuery(keptText(partition), ids))
      const known = new Map(rows.map((row) => [row.id, row]))
      const end = endOf(rows[0])
      const none = { partition, end, state: 'none', isLease: false, lines: [], used: 0 } as const
      return ids.map((id) => {
        const row = known.get(id)
        return row === undefined ? { id, ...none } : bookedHold(row)
      })
    })
  }

  strays({ cursor, limit }: BookPageRequest): ReturnType<StoreBooks['strays']> {
    const after =
      cursor === undefined ? (['', -2, '', 0] as const) : (JSON.parse(cursor) as [string, number, string, number])
    return this.#access.read(async (reader) => {
      const found = await reader.select<StrayRow>(straysQuery(after, limit))
      const { next } = pageOf(found, limit, isNamed, ({ budget, at, partition, seq }) =>
        JSON.stringify([budget, at, partition, seq]),
      )
      const strays = found.filter((row) => !isNamed(row))
      return { rows: strays.map(({ partition, seq }) => ({ partition: textOf(partition), seq })), next }
    })
  }
}

function pageOf<Row, Booked>(
  found: readonly Row[],
  limit: number,
  booked: (row: Row) => Booked,
  cursor: (row: Row) => string,
): BookPage<Booked> {
  const last = found.at(-1)
  return { rows: found.map(booked), next: last === undefined || found.length < limit ? undefined : cursor(last) }
}

function endOf(row: BookEnd | undefined): BookEnd {
  return { money: row?.money ?? 0, call: row?.call ?? 0 }
}

function bookedBudget(row: BudgetBookRow): BookedBudget {
  const { id, partition, parent, initial, open_holds: openHolds, live_children: liveChildren, ...columns } = row
  const { state, available, held, spent, debt, out, burned, leases, leased, forfeited } = columns
  return {
    partition,
    end: endOf(row),
    view: {
      budget: id,
      state: state as BookedBudget['view']['state'],
      ...{ available, held, spent, debt, in: columns.in, out, burned },
      ...{ openHolds, leases, leased, forfeited },
      parent: parent ?? undefined,
      ...(initial !== null && { allotment: initial }),
    },
    liveChildren,
    foundChildren: row.found_children,
  }
}

function bookedHold(row: HoldBookRow): BookedHold {
  const { id, partition, state } = row as HoldRow
  const { lines, lease } = linesOf(row as HoldRow)
  const isForfeited = lease !== undefined && state === 'expired' && lease.reconciled === undefined
  return {
    id,
    partition,
    end: endOf(row),
    state: state === 'open' ? 'open' : isForfeited ? 'forfeited' : 'ended',
    isLease: lease !== undefined,
    lines,
    used: lease?.used ?? 0,
  }
}

/** Whether a call names the budget that it is found by. */
function isNamed({ budget, at, call_at: callAt, body }: StrayRow): boolean {
  if (body === null || at !== callAt) return false
  const { budgets } = JSON.parse(body) as Exclude<LedgerRecord, { kind: 'money' }>
  return budgets.some((each) => [keptText(each), ...olderTexts(keptText(each))].includes(budget))
}
