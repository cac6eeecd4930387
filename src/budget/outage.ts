import { callRef } from '../core/events.js'
import { MAX_CREDITS, type Credits } from '../core/credits.js'
import { holdRequest } from './hold-request.js'
import { Outbox } from './outbox.js'
import type { Refusal } from '../core/refusal.js'
import { unavailable } from './refusals.js'
import type { BudgetSettings } from './options.js'
import type { CallHold } from './call-hold.js'
import type { Authorized } from './authority.js'
import type { HoldLine } from './enforcer.js'
import type { ToolCall } from '../core/call.js'
import type { Unreached } from './reach.js'

/** How many unacknowledged ends may wait before calls are refused: a known spend is never dropped to make room. */
const OUTBOX_LIMIT = 100_000

/** While a store is out of reach and calls pass all the same, it is tried again only this often. */
const PROBE_MS = 1_000

/**
 * The time in which a store gives no answer, and what may pass meanwhile: nothing (`closed`), or up to a limit of
 * credits (`open`). It ends when the store has answered and nothing waits in the outbox; a call that outlasts it counts
 * against the limit until its charge has reached the store.
 */
export class Outage {
  readonly outbox: Outbox
  readonly #settings: BudgetSettings
  #active = false
  /** What passed and has not reached the store yet: calls under way, which may outlast the outage, and what waits. */
  #allowed: Credits = 0
  #probeAt = 0

  constructor(settings: BudgetSettings) {
    const { storeTimeoutMs: timeoutMs, clock, events } = settings
    this.#settings = settings
    this.outbox = new Outbox({ timeoutMs, clock, events }, (posted, failed) => this.#drained(posted, failed))
  }

  /** What to answer without asking the store at all: when too much waits, or an open outage is not due for a try. */
  decideWithoutStore(call: ToolCall, cost: Credits, lines: readonly HoldLine[]): CallHold | Refusal | undefined {
    if (this.outbox.size >= OUTBOX_LIMIT) return unavailable(call, cost, lines, 'the outbox is full')
    if (!this.#active || (this.#limit() === 0 && this.#settings.escrow === undefined)) return undefined
    const now = this.#settings.clock.now()
    if (now < this.#probeAt) return this.#admit(call, cost, lines)
    this.#probeAt = now + PROBE_MS
    return undefined
  }

  /** What to answer when the store gave none. Open covers a store out of reach, not one that would not take the request. */
  unreached(call: ToolCall, cost: Credits, lines: readonly HoldLine[], answer: Unreached): CallHold | Refusal {
    if (answer.misuse) return unavailable(call, cost, lines, answer.cause)
    this.#active = true
    this.#probeAt = this.#settings.clock.now() + PROBE_MS
    const decided = this.#admit(call, cost, lines, answer.cause)
    this.#settings.events.emit('outage', { call: callRef(call), cause: answer.cause, allowed: this.#allowed })
    return decided
  }

  /** The store answered. */
  reached(): void {
    if (!this.#active) return
    if (this.outbox.size > 0) void this.outbox.flush()
    else this.#drained(0, 0)
  }

  /** The charge of a call that passed reached the store, or was given up. */
  settled(cost: Credits): void {
    this.#allowed -= cost
  }

  #admit(call: ToolCall, cost: Credits, lines: readonly HoldLine[], cause?: unknown): CallHold | Refusal {
    const limit = this.#limit()
    const held = this.#settings.escrow?.escrow(holdRequest(call, lines, this.#settings))
    if (held?.kind === 'held') return { state: 'held', lines, remaining: held.remaining, debt: 0 }
    // Whether a token serves is for the store to say: open and soft are about money, and not about rights.
    if (limit === 0 || (call as Authorized).authority !== undefined) return unavailable(call, cost, lines, cause)
    if (cost > limit - this.#allowed) return unavailable(call, cost, lines, cause, 'open_limit_reached')
    this.#allowed += cost
    return { state: 'journaled', lines, remaining: limit - this.#allowed, debt: 0 }
  }

  #limit(): Credits {
    // Soft mode lets through whatever happens; the journal keeps the account.
    return this.#settings.mode === 'hard' ? this.#settings.openLimit : MAX_CREDITS
  }

  #drained(posted: number, failed: number): void {
    if (!this.#active) return
    this.#active = false
    this.#settings.events.emit('recovered', { posted, failed })
  }
}
