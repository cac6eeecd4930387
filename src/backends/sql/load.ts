import { chargeIdTime } from '../../core/ids.js'
import { linksOf } from './hold-rows.js'
import { lockOrder } from './lock-order.js'
import { MOST_BANS } from '../engine/revocations.js'
import { NOWHERE } from './loaded-holds.js'
import { StepEngine } from './step-engine.js'
import type { Found, FoundRows, Locked, Transaction } from './transaction.js'
import type { PartitionRow } from './rows.js'
import type { Touched } from './touched.js'

/** So many holds, and so many budgets, are ended in one transaction when their time is up. */
const MOST_DUE = 1_000
/** Answers and ends are remembered for ten minutes. */
const MEMORY_MS = 600_000

/** A hold came into a partition that is not locked, while the step waited for its locks. The step begins again. */
export class Moved extends Error {}

/** What a step begins with. */
export interface Loaded {
  /** The partitions that are locked. */
  readonly rows: readonly PartitionRow[]
  readonly hasForgotten: boolean
  readonly found: Found
  /** What is due, so far as it is known in order. */
  readonly due: FoundRows['due']
  readonly ending: FoundRows['ending']
  /** Whether that is all that is due. */
  readonly isAll: boolean
}

/**
 * Locks what is touched, and reads it. The first reading asks for what the requests name; where that leads to more, such
 * as the budgets of a hold, or those above one that is due, all is read once more.
 */
export async function load(
  tx: Transaction,
  touched: Touched,
  options: { readonly now: () => number; readonly forgets: boolean },
): Promise<Loaded> {
  const { rows, hasForgotten, ...opened } = await open(tx, touched, options)
  const partitions = rows.map(({ id }) => id)
  let { now, found } = opened
  for (let hasSearched = false; ;) {
    found ??= await tx.read(touched.wanted(partitions, { now, most: MOST_DUE }))
    if (!found.holds.every(({ partition }) => partitions.includes(partition))) throw new Moved()
    now = found.now
    const { size } = touched
    const order = inOrder(found)
    noteFound(touched, found, order)
    const full = found.banCounts.filter((each) => each.size >= MOST_BANS).map(({ partition }) => partition)
    if (full.length > 0 && !hasSearched) {
      await tx.forgetBans({ partitions: full, before: now })
      hasSearched = true
    } else if (touched.size === size) return { rows, hasForgotten, found, ...order }
    found = undefined
  }
}

interface Opened extends Pick<Loaded, 'rows' | 'hasForgotten'> {
  readonly now: number
  /** `undefined` where something is locked that was not asked for. */
  readonly found: Found | undefined
}

async function open(
  tx: Transaction,
  touched: Touched,
  options: { readonly now: () => number; readonly forgets: boolean },
): Promise<Opened> {
  const locks = { partitions: lockOrder(touched.partitions), holds: [...touched.holds] }
  const opened = options.forgets
    ? { locked: await tx.lock(locks), found: undefined }
    : await tx.open(locks, touched.wanted(locks.partitions, { now: options.now(), most: MOST_DUE }))
  const locked = await lockNowhere(tx, touched, opened.locked)
  const now = Math.max(locked.now ?? options.now(), ...locked.partitions.map((row) => row.now))
  const found = locked.partitions.length === locks.partitions.length ? opened.found : undefined
  const rows = options.forgets ? await forget(tx, locked.partitions, now) : locked.partitions
  return { rows, hasForgotten: rows !== locked.partitions, now, found }
}

async function lockNowhere(tx: Transaction, { released }: Touched, locked: Locked): Promise<Locked> {
  const known = new Set(locked.known)
  const isNowhere = locked.partitions.some(({ id }) => id === NOWHERE)
  if (isNowhere || [...released].every((id) => known.has(id))) return locked
  const nowhere = await tx.lock({ partitions: [NOWHERE], holds: [] })
  return { ...nowhere, partitions: [...locked.partitions, ...nowhere.partitions] }
}

async function forget(tx: Transaction, rows: readonly PartitionRow[], now: number): Promise<readonly PartitionRow[]> {
  const gone = await tx.forget({ partitions: rows.map(({ id }) => id), before: now - MEMORY_MS })
  if (gone.length === 0) return rows
  return rows.map((row) => {
    const times = gone.filter(({ partition }) => partition === row.id).map(({ id }) => chargeIdTime(id) ?? 0)
    return { ...row, forgotten: Math.max(row.forgotten, ...times) }
  })
}

/** What is due, so far as it is known in order: where a list was cut off, nothing that comes after its last. */
function inOrder(found: Found): Pick<Loaded, 'due' | 'ending' | 'isAll'> {
  const due = found.due.toSorted((a, b) => a.deadline - b.deadline)
  const ending = found.ending.toSorted((a, b) => a.ends_at - b.ends_at)
  const last = (cut: boolean, at: number | undefined): number => (cut && at !== undefined ? at : Infinity)
  const until = Math.min(
    last(due.length >= MOST_DUE, due.at(-1)?.deadline),
    last(ending.length >= MOST_DUE, ending.at(-1)?.ends_at),
  )
  return {
    due: due.filter(({ deadline }) => deadline <= until),
    ending: ending.filter((each) => each.ends_at <= until),
    isAll: until === Infinity,
  }
}

// What was found leads to more.
function noteFound(touched: Touched, { holds, counts, now }: Found, { due, ending }: Pick<Loaded, 'due' | 'ending'>) {
  for (const hold of [...due, ...holds]) touched.noteHeld(linksOf(hold))
  for (const { id } of ending) touched.trees.add(id)
  for (const { root, size, searched_at: searchedAt } of counts) {
    const fresh = touched.fresh.get(root)
    if (fresh !== undefined && StepEngine.needsSearch(size, searchedAt, fresh, now)) touched.full.add(root)
  }
}
