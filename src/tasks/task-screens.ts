import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { evidenceOfAnswer, taskRequestOf } from './task-evidence.js'
import { isObject, type JsonObject } from '../core/json.js'
import { isUnreached } from '../budget/reach.js'
import { refuse, type Refusal } from '../core/refusal.js'
import type { CallMiddleware, Screening } from '../core/middleware.js'
import type { TaskTracker } from './task-tracker.js'
import type { ToolCall } from '../core/call.js'

/** The requests about one task. */
const ABOUT_ONE = ['tasks/get', 'tasks/result', 'tasks/cancel', 'tasks/update'] as const

/**
 * Keeps tasks apart at a server's seat: who asks for a task that is not his own gets what he gets for one that does not
 * exist, and a list shows him his own.
 */
export function taskScreens(tracker: TaskTracker): NonNullable<CallMiddleware['screens']> {
  const aboutOne = (request: ToolCall): MaybePromise<Screening> =>
    andThen(tracker.own(request, request.args?.taskId), (own) => {
      if (own === 'unbound') return undefined
      if (isUnreached(own)) return unreachable(request, own.cause)
      const [task] = own
      if (task === undefined) return refuse(request.tool, { error: 'invalid_params', reason: 'unknown_task' })
      return (answer) => {
        const asked = taskRequestOf(request.tool, { _meta: request.meta, ...request.args })
        // Whose it is is known here, and not where messages are only observed.
        if (asked !== undefined)
          for (const heard of evidenceOfAnswer(asked, answer))
            tracker.hear(request.server, heard, 'server', task.principal)
        return answer
      }
    })
  return {
    ...Object.fromEntries(ABOUT_ONE.map((method) => [method, aboutOne])),
    'subscriptions/listen': (request) => listens(tracker, request),
    'tasks/list': (request) => (answer) => ownTasks(tracker, request, answer),
  }
}

// Who names tasks to be told of must have them all.
async function listens(tracker: TaskTracker, request: ToolCall): Promise<Screening> {
  const { notifications } = request.args ?? {}
  const named: unknown = isObject(notifications) ? notifications.taskIds : undefined
  for (const taskId of Array.isArray(named) ? (named as readonly unknown[]) : [named]) {
    const own = await tracker.own(request, taskId)
    if (isUnreached(own)) return unreachable(request, own.cause)
    if (own !== 'unbound' && own.length === 0)
      return refuse(request.tool, { error: 'invalid_params', reason: 'unknown_task' })
  }
  return undefined
}

async function ownTasks(tracker: TaskTracker, request: ToolCall, answer: JsonObject): Promise<JsonObject> {
  const { result } = answer
  if (!isObject(result) || !Array.isArray(result.tasks)) return answer
  const tasks: readonly unknown[] = result.tasks
  const kept = await Promise.all(
    tasks.map(async (task) => {
      const own = await tracker.own(request, isObject(task) ? task.taskId : undefined)
      return own === 'unbound' || (!isUnreached(own) && own.length > 0)
    }),
  )
  return { ...answer, result: { ...result, tasks: tasks.filter((_, i) => kept[i]) } }
}

function unreachable({ tool }: ToolCall, cause: unknown): Refusal {
  return refuse(tool, { error: 'budget_unavailable', reason: 'budget_backend_error', detail: cause })
}
