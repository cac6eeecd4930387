import { BINDINGS, BORDER, DUE, TASK_ENDS } from './task-conformance/bindings.js'
import { FAILURES, KEYS } from './task-conformance/attempts.js'
import { taskCaseOf, type TaskStoreConformanceOptions } from './task-conformance/rule.js'
import type { ConformanceCase } from './conformance/case.js'
import type { TaskStore } from '../tasks/task-store.js'

/**
 * What every `TaskStore` must do, as cases without a test runner.
 *
 * @example
 * ```ts
 * const cases = taskStoreConformance({ create: (clock) => new MyTaskStore({ clock }) })
 * for (const { name, run } of cases) test(name, run)
 * ```
 */
export function taskStoreConformance<Store extends TaskStore>(
  options: TaskStoreConformanceOptions<Store>,
): readonly ConformanceCase[] {
  const rules = [...FAILURES, ...KEYS, ...BINDINGS, ...TASK_ENDS, ...DUE, ...BORDER]
  return rules.map((rule) => taskCaseOf(rule, options))
}
