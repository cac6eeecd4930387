import { EventEmitter } from 'eventemitter3'
import { diagnostics } from '#diagnostics'
import type { ToolCall } from './call.js'
import type { Charge, CallOutcome } from './outcome.js'
import type { Credits } from './credits.js'
import type { Tracked } from './operation.js'
import type { Refusal } from './refusal.js'

/** What happens, by name. Nothing in an event carries arguments, results or tokens. */
export interface BudgetEventMap {
  /** Credits were put aside and the call goes on. */
  held: [
    {
      readonly call: CallRef
      readonly budgets: readonly string[]
      readonly cost: Credits
      readonly remaining: Credits
    },
  ]
  /** A call ended and its hold with it. */
  charged: [{ readonly call: CallRef; readonly outcome: CallOutcome['kind']; readonly charge: Charge }]
  /** A call was refused and not forwarded; not `enforced`, in soft and shadow mode: it would have been. */
  refused: [{ readonly call: CallRef; readonly refusal: Refusal; readonly enforced: boolean }]
  /** A call without a price was let through (`unpriced: 'observe'`). */
  unpriced: [{ readonly call: CallRef }]
  /**
   * A tool is shown with another definition than before (`from`, what was seen last, or its pin). Without `to` it has
   * none that counts: the name came twice in one list, or the definition cannot be read.
   */
  tool_changed: [
    {
      readonly server: string | undefined
      readonly tool: string
      readonly from: string | undefined
      readonly to: string | undefined
    },
  ]
  /**
   * In shadow mode, what hard mode would have done with a call. Once for each: when it would have been refused, or when
   * its simulated hold ended.
   */
  simulated: [
    {
      readonly call: CallRef
      /** When the call began. */
      readonly at: number
      readonly budgets: readonly string[]
      readonly charge: Charge | undefined
      readonly refusal: Refusal | undefined
      readonly unpriced: boolean
    },
  ]
  /** A soft budget went into debt. */
  overdrawn: [{ readonly call: CallRef; readonly cost: Credits; readonly debt: Credits }]
  /** The holder of a token carved a budget out of its own. `tokenId` is that of the token that asked. */
  delegated: [
    {
      readonly tokenId: string
      readonly parent: string
      readonly budget: string
      readonly amount: Credits
      readonly label: string | undefined
    },
  ]
  /** The holder of a token closed a budget, its own or one below it; `returned` went to the nearest open one above. */
  closed: [{ readonly tokenId: string; readonly budget: string; readonly returned: Credits }]
  /** The holder of a token revoked one that was made of it, by the id of its prefix. */
  revoked: [{ readonly tokenId: string; readonly prefixId: string; readonly returned: Credits }]
  /** The store could not be reached; `allowed` is what went through and has not reached it yet, under `failMode: { open }`. */
  outage: [{ readonly call: CallRef | undefined; readonly cause: unknown; readonly allowed: Credits }]
  /** The store answers again, and what went through meanwhile has been posted. */
  recovered: [{ readonly posted: number; readonly failed: number }]
  /** A process got a lease (`mcp-budget/leases`); `remaining` is what the budget has left, `live` how many leases it has. */
  leased: [{ readonly budget: string; readonly amount: Credits; readonly remaining: Credits; readonly live: number }]
  /** The budget nears its end, so a lease goes back, of which so much was left. */
  recalled: [{ readonly budget: string; readonly amount: Credits }]
  /** The time of a lease was up at the store before the process could end it: so much was charged that was not used. */
  forfeited: [{ readonly budget: string; readonly leaseId: string; readonly amount: Credits }]
  /** What was not used of a forfeited lease came back. No `budget` for a lease of the process before. */
  reconciled: [{ readonly budget: string | undefined; readonly leaseId: string; readonly returned: Credits }]
  /** The store is out of reach, and a call is paid from a lease. */
  covered: [{ readonly chargeId: string; readonly budget: string; readonly amount: Credits }]
  /** An end of a hold is being retried, or (`givenUp`) never reached the store. */
  delayed: [{ readonly chargeId: string; readonly attempt: number; readonly givenUp: boolean; readonly cause: unknown }]
  /** Something went wrong where it changes nothing: a listener, a ledger, the report of a metered price. */
  fault: [{ readonly where: string; readonly error: unknown }]
}

/** A call as events name it; with its operation, and the task that it became, where they are tracked. */
export interface CallRef extends Pick<ToolCall, 'id' | 'tool' | 'server'> {
  readonly operationId?: string
  readonly attempt?: number
  readonly taskId?: string
}

/** A call as events name it: without its arguments. */
export function callRef({ id, tool, server, operation }: Pick<ToolCall, 'id' | 'tool' | 'server'> & Tracked): CallRef {
  if (operation === undefined) return { id, tool, server }
  const { id: operationId, attempt, task } = operation
  return { id, tool, server, operationId, attempt, ...(task && { taskId: task.id }) }
}

/** The name of an event. */
export type BudgetEventName = keyof BudgetEventMap

/** Where a step tells what happens. */
export type EventSink = Pick<BudgetEvents, 'heard' | 'emit'>

type Listener<Name extends BudgetEventName> = (...args: BudgetEventMap[Name]) => void

/**
 * The events of a meter, on eventemitter3. A listener that throws changes nothing: neither the call nor the other
 * listeners; it is counted in `failures` and reported as `fault`. On Node each event is also published to the channel
 * `mcp-budget:<event>` of `node:diagnostics_channel`.
 *
 * @example
 * ```ts
 * const events = new BudgetEvents()
 * events.on('refused', ({ refusal }) => console.warn(refusal.error, refusal.tool))
 * withBudget({ enforcer, budget: 'agent-1', events })
 * ```
 */
export class BudgetEvents {
  /** How many times a listener threw. */
  failures = 0
  readonly #emitter = new EventEmitter<BudgetEventMap>()

  /** Calls `listener` at each event of that name. */
  on<Name extends BudgetEventName>(name: Name, listener: Listener<Name>): this {
    this.#emitter.on(name, listener)
    return this
  }

  /** Calls `listener` at the next event of that name only. */
  once<Name extends BudgetEventName>(name: Name, listener: Listener<Name>): this {
    this.#emitter.once(name, listener)
    return this
  }

  /** Stops calling `listener`. */
  off<Name extends BudgetEventName>(name: Name, listener: Listener<Name>): this {
    // Without a listener it would stop all of them.
    if (typeof listener === 'function') this.#emitter.off(name, listener)
    return this
  }

  /** Whether anybody listens; makers of events ask first, so that an unheard event costs nothing. */
  heard(name: BudgetEventName): boolean {
    return this.#emitter.listenerCount(name) > 0 || diagnostics.channel(name).hasSubscribers
  }

  /** Tells the listeners, and then the channel. */
  emit<Name extends BudgetEventName>(name: Name, ...args: BudgetEventMap[Name]): void {
    for (const listener of this.#emitter.listeners(name) as Listener<Name>[]) {
      // One that was given to `once`, and only that.
      this.#emitter.off(name, listener, undefined, true)
      try {
        const answer = listener(...args) as unknown
        // A listener may be an async function, whose rejection would otherwise end the process.
        if (answer instanceof Promise) answer.catch((error: unknown) => this.#failed(name, error))
      } catch (error) {
        this.#failed(name, error)
      }
    }
    const channel = diagnostics.channel(name)
    if (channel.hasSubscribers) channel.publish(args[0])
  }

  #failed(name: BudgetEventName, error: unknown): void {
    this.failures++
    if (name !== 'fault') this.emit('fault', { where: `listener of ${name}`, error })
  }
}
