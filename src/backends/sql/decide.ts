import { load } from './load.js'
import { StepEngine } from './step-engine.js'
import { Touched } from './touched.js'
import { WorkingSet } from './working-set.js'
import { writtenBefore } from './written-before.js'
import type { BudgetId } from '../../budget/budget-id.js'
import type { Transaction } from './transaction.js'
import type { MoneyCall } from './store-call.js'

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
  const { rows, hasForgotten, found, due, ending, isAll } = await load(tx, touched, options)
  const { now } = found
  const set = new WorkingSet(rows, { now, hasForgotten }, options.partitionOf)
  set.load(found, [...due, ...found.holds], touched.roots)
  set.due(due, ending)
  const engine = new StepEngine(set, { clock: { now: () => now }, ledger: set, partition: options.partitionOf })
  engine.sweep()
  const written = await writtenBefore(tx, calls)
  const answers = isAll
    ? calls.map((call) => (written.has(call) ? { value: undefined } : settle(call, engine, set)))
    : undefined
  const changes = set.changes()
  if (changes !== undefined) await tx.write(changes)
  return answers
}

function settle(call: MoneyCall, engine: StepEngine, set: WorkingSet): Settled {
  try {
    if (call.verb === 'append') {
      const place = set.record(call.args[0])
      if (place !== undefined) call.places.push(place)
      return { value: undefined }
    }
    return { value: (engine[call.verb] as (...given: readonly unknown[]) => unknown)(...call.args) }
  } catch (error) {
    return { error }
  }
}
