import { assertKeys, integer, misconfigured } from '../core/settings.js'
import { BudgetEvents, type EventSink } from '../core/events.js'
import { compilePolicies, POLICY_KEYS, type Policy, type RetryPolicy } from './retry-policy.js'
import { LONGEST_MS } from './task-requests.js'
import { systemClock, type Clock } from '../core/clock.js'
import type { TaskStore } from './task-store.js'
import type { ToolCall } from '../core/call.js'

/** Settings of `withTaskTracking`. The policy is that of all tools; `tools` says what is different for some. */
export interface TaskTrackingOptions extends RetryPolicy {
  /** Where tasks and attempts are remembered. Processes that share it share the store of the budgets too. */
  readonly tasks: TaskStore
  /** Policies by tool: a name, a prefix with `*`, or `*`. */
  readonly tools?: Readonly<Record<string, RetryPolicy>>
  /** How many attempts of one operation may pay less: 10 by default. */
  readonly maxDiscountedRetries?: number
  /** For how long a failure earns a discount: 600,000 by default. */
  readonly retryWindowMs?: number
  /** The least that a task's hold lives, whatever the task's own time to live: 300,000 by default. */
  readonly minTaskTtlMs?: number
  /** How long the hold stays when the task's time is up, for an end that comes late: 60,000 by default. */
  readonly graceMs?: number
  /** The longest that a task's hold lives, grace and all, and what one without a time to live gets: a day by default. */
  readonly maxHoldMs?: number
  /**
   * Names the operation of a call, for agent frameworks that know it: sent on in `_meta['dev.mcp-budget/operation-id']`,
   * where the call has none. 1 to 128 visible ASCII characters.
   */
  readonly operationId?: (call: ToolCall) => string | undefined
  /** How long the store of tasks may take: 250 by default. */
  readonly storeTimeoutMs?: number
  readonly events?: BudgetEvents
  readonly clock?: Clock
}

/** The settings with their defaults. */
export interface TaskSettings {
  readonly tasks: TaskStore
  readonly policyOf: (tool: string) => Policy
  readonly maxDiscountedRetries: number
  readonly retryWindowMs: number
  readonly minTaskTtlMs: number
  readonly graceMs: number
  readonly maxHoldMs: number
  readonly storeTimeoutMs: number
  readonly operationId: TaskTrackingOptions['operationId']
  /** Whether it only watches. */
  readonly shadow: boolean
  readonly events: EventSink
  readonly clock: Clock
}

/** Whole numbers: the least, the most, and the default. */
const NUMBERS = {
  maxDiscountedRetries: [0, 100, 10],
  retryWindowMs: [1, LONGEST_MS, 600_000],
  minTaskTtlMs: [0, LONGEST_MS, 300_000],
  graceMs: [1, LONGEST_MS, 60_000],
  maxHoldMs: [1, LONGEST_MS, LONGEST_MS],
  storeTimeoutMs: [1, LONGEST_MS, 250],
} as const

const VERBS = ['begin', 'finish', 'bind', 'find', 'amend', 'end', 'due'] as const

/** Checks the settings and fills in the defaults. @throws BudgetError `invalid_config` */
export function taskSettings(options: TaskTrackingOptions, shadow: boolean): TaskSettings {
  const others = ['tasks', 'tools', 'operationId', 'events', 'clock']
  assertKeys(options, [...others, ...POLICY_KEYS, ...Object.keys(NUMBERS)], 'options')
  const { tasks, tools, operationId, events = new BudgetEvents(), clock = systemClock } = options
  for (const verb of VERBS) {
    const given: unknown = (tasks as Partial<TaskStore> | undefined)?.[verb]
    if (typeof given !== 'function') throw misconfigured('tasks', `a store of tasks with a function \`${verb}\``, tasks)
  }
  if (operationId !== undefined && typeof operationId !== 'function')
    throw misconfigured('operationId', 'a function of the call', operationId)
  const given = options as unknown as Readonly<Record<string, unknown>>
  const numbers = Object.entries(NUMBERS).map(([key, [least, most, otherwise]]) => [
    key,
    integer(given[key], { least, most, otherwise }, key),
  ])
  const times = Object.fromEntries(numbers) as Record<keyof typeof NUMBERS, number>
  return { ...times, tasks, policyOf: compilePolicies(options, tools), operationId, shadow, events, clock }
}
