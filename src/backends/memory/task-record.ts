import type { Timed } from './deadlines.js'
import type { BindRequest, TaskBinding, TaskEnd, TaskEndKind, TaskRef } from '../../tasks/task-store.js'
import type { ChargeId } from '../../core/ids.js'

/** A binding as it is kept; its data as text, which is small and cannot be changed from outside. */
export class TaskRecord implements Timed {
  slot = -1
  next: Timed | undefined = undefined
  previous: Timed | undefined = undefined
  /** When it is due. */
  deadline: number
  state: TaskBinding['state'] = 'open'
  seen: TaskBinding['seen'] = undefined
  /** Whether an end that comes late still counts. */
  reopens = false
  endedAt = 0
  end: { readonly as: TaskEndKind; readonly late: boolean; readonly data: string } | undefined = undefined
  readonly upstream: string
  readonly taskId: string
  readonly principal: string
  readonly holdId: ChargeId
  readonly boundAt: number
  readonly #data: string

  constructor({ upstream, taskId, principal, holdId, lifeMs, data }: BindRequest, now: number) {
    this.upstream = upstream
    this.taskId = taskId
    this.principal = principal
    this.holdId = holdId
    this.boundAt = now
    this.deadline = now + lifeMs
    this.#data = JSON.stringify(data)
  }

  /** Whether this is the binding of a principal, and for that hold. */
  is({ principal }: TaskRef, holdId: string): boolean {
    return this.principal === principal && this.holdId === holdId
  }

  /** As it stands. */
  view(): TaskBinding {
    const { upstream, taskId, principal, holdId, boundAt, deadline: dueAt, state, seen, end: ended } = this
    const end: TaskEnd | undefined = ended && { ...ended, data: JSON.parse(ended.data) as TaskEnd['data'] }
    const data = JSON.parse(this.#data) as TaskBinding['data']
    return { upstream, taskId, principal, holdId, data, state, boundAt, dueAt, seen, end }
  }
}
