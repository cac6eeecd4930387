import { FakeClock } from '../fake-clock.js'
import { TaskSubject } from './subject.js'
import type { ConformanceCase } from '../conformance/case.js'
import type { MaybePromise } from '../../core/maybe-promise.js'
import type { TaskStore } from '../../tasks/task-store.js'
import type { TestClock } from '../conformance/subject.js'

/** How the kit of task stores gets a store. */
export interface TaskStoreConformanceOptions<Store extends TaskStore = TaskStore> {
  /** A fresh and empty store on this clock; called once for each case. */
  create(clock: TestClock): MaybePromise<Store>
  /** The clock of one case: a `FakeClock` by default. A store that cannot take a clock brings one that waits. */
  readonly clock?: () => TestClock
  /** After each case. */
  readonly destroy?: (store: Store) => MaybePromise<void>
}

/** A case before it knows its store. */
export interface TaskRule {
  readonly name: string
  readonly body: (subject: TaskSubject) => Promise<void>
}

/** Names a rule and says how to see it. */
export function taskRule(name: string, body: TaskRule['body']): TaskRule {
  return { name, body }
}

/** The case of a rule for the stores of `options`. */
export function taskCaseOf<Store extends TaskStore>(
  { name, body }: TaskRule,
  options: TaskStoreConformanceOptions<Store>,
): ConformanceCase {
  return {
    name,
    rules: Array.from(name.matchAll(/\[([^\]]+)\]/g), ([, id]) => id as string),
    async run() {
      const clock = options.clock?.() ?? new FakeClock()
      const store = await options.create(clock)
      try {
        await body(new TaskSubject(store, clock))
      } finally {
        await options.destroy?.(store)
      }
    },
  }
}
