import { nameOf, TaskEngine } from '../engine/task-engine.js'
import { TASK_LIMITS, type Attempt, type TaskName } from '../../tasks/task-store.js'
import { TaskSet } from './task-set.js'
import type { Settled } from './decide.js'
import type { TaskCall } from './store-call.js'
import type { TasksWanted, Transaction } from './transaction.js'

/** What is locked while a step decides on tasks: no tenant has this name. */
const TASKS = '!tasks'
/** So many old rows are looked at in one step. */
const MOST_OLD = 100
const MOST_DUE = 1_000

/** How a step on tasks finds its time, and how many it has room for. */
export interface TaskStepOptions {
  readonly now: () => number
  readonly maxTasks: number
}

/** One step on tasks within a transaction: as `decide` does it for money. */
export async function decideTasks(
  tx: Transaction,
  calls: readonly TaskCall[],
  { now: clock, maxTasks }: TaskStepOptions,
): Promise<readonly Settled[]> {
  const { partitions, now: server } = await tx.lock({ partitions: [TASKS], holds: [] })
  const now = Math.max(server ?? clock(), ...partitions.map((row) => row.now))
  const set = new TaskSet(await tx.tasks(wantedBy(calls, now)))
  const engine = new TaskEngine(set, { clock: { now: () => now }, maxTasks })
  const answers = calls.map((call) => settle(engine, call))
  const changes = set.changes(engine, now)
  if (changes !== undefined) {
    await tx.writeTasks(
      changes,
      partitions.map((row) => ({ ...row, now })),
    )
  }
  return answers
}

function wantedBy(calls: readonly TaskCall[], now: number): TasksWanted {
  const names = new Set<string>()
  const operations = new Set<string>()
  const keys = new Map<string, readonly [string, string]>()
  let [due, binds] = [0, 0]
  const name = (task: TaskName | undefined): void => void (task && names.add(nameOf(task)))
  const attempt = ({ principal, key }: Pick<Attempt, 'principal' | 'key'>): void => {
    if (key !== undefined) keys.set(JSON.stringify([principal, key.key]), [principal, key.key])
  }
  for (const call of calls) {
    switch (call.verb) {
      case 'due':
        due = Math.max(due, Math.min(Number(call.args[0]) || 0, MOST_DUE))
        break
      case 'begin':
      case 'finish':
        operations.add(String(call.args[0].operation))
        attempt(call.args[0])
        if (call.verb === 'finish') name(call.args[0].task)
        break
      case 'bind':
        binds++
        attempt(call.args[0])
        name(call.args[0])
        break
      default:
        name(call.args[0])
    }
  }
  return {
    names: [...names],
    keys: [...keys.values()],
    principals: [...new Set([...keys.values()].map(([principal]) => principal))],
    operations: [...operations],
    now,
    due,
    over: binds === 0 ? 0 : binds + MOST_OLD,
    old: operations.size === 0 ? 0 : MOST_OLD,
    keysBefore: now - TASK_LIMITS.keyMs,
  }
}

function settle(engine: TaskEngine, { verb, args }: TaskCall): Settled {
  try {
    return { value: (engine[verb] as (...given: readonly unknown[]) => unknown).apply(engine, [...args]) }
  } catch (error) {
    return { error }
  }
}
