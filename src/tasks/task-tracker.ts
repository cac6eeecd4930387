import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { evidenceOfAnswer, evidenceOfNotification, taskRequestOf } from './task-evidence.js'
import { isObject, type JsonObject } from '../core/json.js'
import { isTaskText } from './task-requests.js'
import { isUnreached, reach, type Unreached } from '../budget/reach.js'
import { jsonDigest } from '../core/digest.js'
import { keptCall, type TrackedCall } from './kept-call.js'
import { remember } from './remember.js'
import { TaskEnds } from './task-ends.js'
import type { EvidenceOf, TaskEvidence, TaskRequest } from './task-evidence.js'
import type { ObservedMessage, Peers } from '../core/middleware.js'
import type { Price } from '../core/price.js'
import type { TaskBinding, TaskName } from './task-store.js'
import type { TaskOutcome } from '../core/outcome.js'
import type { TaskSettings } from './settings.js'
import type { ToolCall } from '../core/call.js'

/** For how long a status is kept that came before the answer that creates its task. */
const EARLY_MS = 60_000
/** How much of each kind this process remembers; beyond it the oldest goes. */
const MOST = 10_000
/** How many due tasks are asked for at once. */
const BATCH = 100
/** How many times in one sweep. */
const MOST_BATCHES = 1_000

/** Something heard of a task that could not be dealt with yet; `until` it is given up. */
interface Unheard {
  readonly name: TaskName
  readonly evidence: TaskEvidence
  readonly side: 'client' | 'server'
  readonly until: number
}

/**
 * The tasks that calls became: binds each to its hold, hears what becomes of it, from whoever asked, and ends those whose
 * time is up. One serves all seats of its step. What it remembers itself is bounded, and can be lost: the rest is in the
 * store of tasks.
 */
export class TaskTracker {
  peers: Peers | undefined
  readonly #settings: TaskSettings
  readonly #ends: TaskEnds
  /** Prices of tasks that this process has bound. */
  readonly #prices = new Map<string, Price>()
  /** Owners of tasks that could not be bound. */
  readonly #unbound = new Map<string, string>()
  readonly #unheard = new Map<string, Unheard>()
  readonly #requests = new WeakMap<object, Map<unknown, TaskRequest>>()
  #cancelTimer: (() => void) | undefined
  #sweeping: Promise<void> | undefined
  #sweptAt: number

  constructor(settings: TaskSettings) {
    this.#settings = settings
    this.#sweptAt = settings.clock.now()
    this.#ends = new TaskEnds(
      settings,
      () => this.peers,
      (holdId) => this.#prices.get(holdId),
    )
  }

  /** Binds the task that a call became to its hold. */
  bind(call: TrackedCall, outcome: TaskOutcome): MaybePromise<void> {
    const { operation } = call
    const terms = operation.keep(outcome)
    const { key, principal } = operation.asked
    return andThen(taskIdText(outcome.taskId), (id) => {
      const name = { upstream: upstreamOf(call.server), taskId: id }
      const data = keptCall(call, terms.onExpire)
      const request = { ...name, principal, holdId: call.id, key, lifeMs: terms.ttlMs, data }
      return andThen(
        this.#ask(() => this.#settings.tasks.bind(request)),
        (answer) => {
          if (!isUnreached(answer) && answer.kind === 'bound') {
            remember(this.#prices, call.id, operation.fullPrice, MOST)
            this.#schedule()
            this.#hearAgain(textOf(name))
            return undefined
          }
          // Nobody could end its hold; whose it is must be known all the same.
          remember(this.#unbound, textOf(name), principal, MOST)
          return andThen(this.#ends.chargeNow(call, id), () => undefined)
        },
      )
    })
  }

  /** Hears a message that passes a seat. */
  observe({ message, direction, from, link, server }: ObservedMessage): void {
    const { method, id, params } = message
    if (from === 'client') {
      const request = id === undefined ? undefined : taskRequestOf(method, isObject(params) ? params : {})
      if (request !== undefined) this.#asked(link, id, request)
      return
    }
    const side = direction === 'in' ? 'client' : 'server'
    const heard = method === undefined ? this.#answered(link, message, side) : evidenceOfNotification(message)
    for (const [taskId, evidence] of heard) this.hear(server, [taskId, evidence], side)
  }

  /** Deals with what was heard of a task, behind the message that says it. */
  hear(server: string | undefined, [taskId, evidence]: EvidenceOf, side: Unheard['side'], of?: string): void {
    // At a server's seat who asks can bring it about that a task is not found: the time of the task runs on.
    if (side === 'server' && evidence.kind === 'gone') return
    void andThen(taskIdText(taskId), (id) => {
      const name = { upstream: upstreamOf(server), taskId: id }
      return this.#hearAll({ name, evidence, side, until: this.#settings.clock.now() + EARLY_MS }, of)
    })
  }

  /** The tasks of an id that are those of whoever asks; `undefined` where the store cannot be reached. */
  own(request: ToolCall, taskId: unknown): MaybePromise<readonly TaskBinding[] | 'unbound' | Unreached> {
    if (typeof taskId !== 'string') return []
    return andThen(taskIdText(taskId), (id) => {
      const name = { upstream: upstreamOf(request.server), taskId: id }
      return andThen(
        this.#ask(() => this.#settings.tasks.find(name)),
        (found) => {
          if (isUnreached(found)) return found
          const own = found.filter((binding) => this.#payer(request, binding) === binding.principal)
          const owner = this.#unbound.get(textOf(name))
          const isUnbound = own.length === 0 && owner !== undefined && owner === this.peers?.payer(request)
          return isUnbound ? 'unbound' : own
        },
      )
    })
  }

  /** Deals with tasks whose time is up, if that has not been done for a while. */
  sweepNowAndThen(): void {
    if (this.#settings.clock.now() - this.#sweptAt >= this.#everyMs) void this.sweep()
  }

  /** Deals with all tasks whose time is up, and with what could not be dealt with before. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => (this.#sweeping = undefined))
    return this.#sweeping
  }

  get #everyMs(): number {
    return Math.max(1_000, Math.min(this.#settings.graceMs, 30_000))
  }

  async #sweep(): Promise<void> {
    this.#sweptAt = this.#settings.clock.now()
    for (const text of [...this.#unheard.keys()]) this.#hearAgain(text)
    const more = await this.#sweepDue().catch((error: unknown) => {
      this.#fault(error)
      return true
    })
    if (more || this.#unheard.size > 0) this.#schedule()
  }

  // Whether there are more, or may be.
  async #sweepDue(): Promise<boolean> {
    for (let batch = 0; batch < MOST_BATCHES; batch++) {
      const due = await this.#ask(() => this.#settings.tasks.due(BATCH))
      if (isUnreached(due)) return true
      const { tasks, open } = due
      if (tasks.length === 0) return open > 0
      let failed = false
      for (const binding of tasks) {
        try {
          if (!(await this.#ends.due(binding))) return true
        } catch (error) {
          // One that cannot be dealt with does not keep the others from it.
          failed = true
          this.#fault(error)
        }
      }
      if (failed) return true
    }
    return true
  }

  // One timer for all tasks, and none while there are none.
  #schedule(): void {
    this.#cancelTimer ??= this.#settings.clock.after(this.#everyMs, () => {
      this.#cancelTimer = undefined
      void this.sweep()
    })
  }

  #asked(link: object, id: unknown, request: TaskRequest): void {
    const requests = this.#requests.get(link) ?? new Map<unknown, TaskRequest>()
    this.#requests.set(link, requests)
    remember(requests, id, request, MOST)
  }

  #answered(link: object, message: JsonObject, side: Unheard['side']): readonly EvidenceOf[] {
    const requests = this.#requests.get(link)
    // Clients of both SDKs take the answer "1" for that to 1; to a server they are two requests.
    const isText = side === 'client' && typeof message.id === 'string'
    const id = isText && requests?.has(message.id) !== true ? Number(message.id) : message.id
    const request = requests?.get(id)
    requests?.delete(id)
    return request === undefined ? [] : evidenceOfAnswer(request, message)
  }

  async #hear(heard: Unheard, of?: string): Promise<void> {
    const { name, evidence, side } = heard
    const found = await this.#ask(() => this.#settings.tasks.find(name))
    if (isUnreached(found)) return this.#later(heard, Infinity)
    const meant = found.filter((binding) => this.#isMeant(binding, side, of))
    const [binding, ...others] = meant
    if (binding === undefined) return this.#later(heard, heard.until)
    // Of two with one name nobody can tell which: each ends by itself.
    if (others.length === 0 && !(await this.#ends.hear(binding, evidence))) this.#later(heard, Infinity)
  }

  // A client's seat hears only of its own tasks; a server's of all, for all are the server's.
  #isMeant(binding: TaskBinding, side: Unheard['side'], of: string | undefined): boolean {
    if (of !== undefined) return binding.principal === of
    const payer =
      side === 'client' ? this.#payer({ server: binding.upstream || undefined } as ToolCall, binding) : undefined
    return payer === undefined || payer === binding.principal
  }

  #later(heard: Unheard, until: number): void {
    if (heard.evidence.kind === 'alive' || until <= this.#settings.clock.now()) return
    const text = textOf(heard.name)
    // How it ended says more than that it is to end.
    const known = this.#unheard.get(text)
    if (known?.evidence.kind !== 'ended') remember(this.#unheard, text, { ...heard, until }, MOST)
    this.#schedule()
  }

  #hearAgain(text: string): void {
    const heard = this.#unheard.get(text)
    if (heard === undefined) return
    this.#unheard.delete(text)
    void this.#hearAll(heard)
  }

  // Nobody waits for it: what a store answers that is no answer must not end the process.
  #hearAll(heard: Unheard, of?: string): Promise<void> {
    return this.#hear(heard, of).catch((error: unknown) => this.#fault(error))
  }

  // Who would pay if the same asked for that tool: who pays may depend on it.
  #payer(request: ToolCall, { data }: TaskBinding): string | undefined {
    return this.peers?.payer({ ...request, kind: 'call', tool: String(data.tool), args: undefined })
  }

  #ask<Answer extends object | undefined>(ask: () => MaybePromise<Answer>): MaybePromise<Answer | Unreached> {
    const { storeTimeoutMs: timeoutMs, clock } = this.#settings
    return andThen(reach(ask, { timeoutMs, clock }), (answer) => {
      if (isUnreached(answer)) this.#fault(answer.cause)
      return answer
    })
  }

  #fault(error: unknown): void {
    this.#settings.events.emit('fault', { where: 'the store of tasks', error })
  }
}

// What could not be an id in every store stands there as its digest.
function taskIdText(taskId: string): MaybePromise<string> {
  const isText: boolean = isTaskText(taskId)
  return isText ? taskId : jsonDigest({ taskId: taskId.slice(0, 100_000) })
}

function upstreamOf(server = ''): string {
  return server.slice(0, 256)
}

function textOf({ upstream, taskId }: TaskName): string {
  return `${taskId} ${upstream}`
}
