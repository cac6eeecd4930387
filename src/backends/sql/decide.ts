import { chargeIdTime } from '../../core/ids.js'
import { linksOf } from './hold-rows.js'
import { lockOrder } from './lock-order.js'
import { MOST_BANS } from '../engine/revocations.js'
import { NOWHERE } from './loaded-holds.js'
import { StepEngine } from './step-engine.js'
import { Touched } from './touched.js'
import { WorkingSet } from './working-set.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { First, Locked, RestWanted, Transaction } from './transaction.js'
import type { PartitionRow } from './rows.js'
import type { MoneyCall } from './store-call.js'

/** So many holds, and so many budgets, are ended in one transaction when their time is up. */
const MOST_DUE = 1_000
/** Answers and ends are remembered for ten minutes. */
const MEMORY_MS = 600_000

/** How a request was answered: with a value, or a throw. */
export type Settled = { readonly value: unknown } | { readonly error: unknown }

/** How the steps of a store find their time and their partitions. */
export interface StepOptions {
  /** The time, where the database has none. */
  readonly now: () => number
  readonly partitionOf: (budget: BudgetId) => string
  /** Whether this step forgets what is old. */
  readonly forgets: boolean
}

/** A hold came into a partition that is not locked, while the step waited for its locks. The step begins again. */
export class Moved extends Error {}

/**
 * One step of a store within a transaction: loads what the requests touch, ends what is due there, decides on one
 * request after the other, and writes what has changed. `undefined`: more was due than one transaction ends; nothing
 * was decided yet, and the step is to be made again after this transaction.
 */
export async function decide(
  tx: Transaction,
  calls: readonly MoneyCall[],
  options: StepOptions,
): Promise<readonly Settled[] | undefined> {
  const touched = new Touched(options.partitionOf)
  for (const call of calls) touched.note(call)
  const locked = await lock(tx, touched)
  const partitions = locked.partitions.map(({ id }) => id)
  const now = Math.max(locked.now ?? options.now(), ...locked.partitions.map((row) => row.now))
  const rows = options.forgets ? await forget(tx, locked.partitions, now) : locked.partitions
  const first = await tx.first({
    holds: [...touched.holds],
    partitions,
    roots: [...touched.fresh.keys()],
    now,
    most: MOST_DUE,
  })
  const isLocked = (partition: string): boolean => partitions.includes(partition)
  if (!first.holds.every(({ partition }) => isLocked(partition))) throw new Moved()
  const { due, ending, isAll } = inOrder(first)
  const holds = [...due, ...first.holds]
  for (const hold of holds) touched.noteHeld(linksOf(hold))
  for (const { id } of ending) touched.trees.add(id)
  const set = new WorkingSet(rows, { now, hasForgotten: rows !== locked.partitions }, options.partitionOf)
  set.load(await rest(tx, touched, first, partitions, now), { holds, roots: touched.roots })
  set.holds.nowhere = first.nowhere[0]?.forgotten ?? 0
  set.due(due, ending)
  const engine = new StepEngine(set, { clock: { now: () => now }, ledger: set, partition: options.partitionOf })
  engine.sweep()
  const answers = isAll ? calls.map((call) => settle(call, engine, set)) : undefined
  const changes = set.changes()
  if (changes !== undefined) await tx.write(changes)
  return answers
}

async function lock(tx: Transaction, { partitions, holds, released }: Touched): Promise<Locked> {
  const locked = await tx.lock({ partitions: lockOrder(partitions), holds: [...holds] })
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
function inOrder(first: First): Pick<First, 'due' | 'ending'> & { readonly isAll: boolean } {
  const due = first.due.toSorted((a, b) => a.deadline - b.deadline)
  const ending = first.ending.toSorted((a, b) => a.ends_at - b.ends_at)
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

async function rest(
  tx: Transaction,
  touched: Touched,
  first: First,
  partitions: readonly string[],
  now: number,
): Promise<Parameters<WorkingSet['load']>[0]> {
  const { fresh, banned } = touched
  const isFull = (root: BudgetId): boolean => {
    const count = first.counts.find((each) => each.root === root)
    return count !== undefined && StepEngine.needsSearch(count.size, count.searched_at, fresh.get(root) ?? 0, now)
  }
  const wanted: RestWanted = {
    budgets: [...touched.budgets],
    trees: [...touched.trees],
    parents: [...touched.parents],
    prefixes: [...touched.prefixes],
    nonces: [...touched.nonces],
    answers: touched.answers,
    counters: touched.counters,
    full: [...fresh.keys()].filter(isFull),
    roots: [...touched.roots],
    partitions,
    bans: [...touched.bans],
    banned: [...banned],
  }
  const found = await tx.rest(wanted)
  const full = found.banCounts.filter(({ size }) => size >= MOST_BANS).map(({ partition }) => partition)
  if (full.length === 0) return found
  await tx.forgetBans({ partitions: full, before: now })
  return tx.rest(wanted)
}

function settle(call: MoneyCall, engine: StepEngine, set: WorkingSet): Settled {
  try {
    if (call.verb === 'append') return { value: set.record(call.args[0]) }
    return { value: (engine[call.verb] as (...given: readonly unknown[]) => unknown)(...call.args) }
  } catch (error) {
    return { error }
  }
}
