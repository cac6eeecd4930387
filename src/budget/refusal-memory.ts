import { lacksCredits } from './refusals.js'
import type { Clock } from '../core/clock.js'
import type { Credits } from '../core/credits.js'
import type { Refusal } from '../core/refusal.js'
import type { ToolCall } from '../core/call.js'
import type { Authorized } from './authority.js'
import type { HoldLine } from './enforcer.js'

const MAX_BUDGETS = 1_000

/**
 * Repeats a refusal for want of credits for a moment without asking a store that answers by promise, so that an agent
 * that keeps calling does not become load on the store. A dearer call on the same budgets is refused alike.
 */
export class RefusalMemory {
  readonly #keepMs: number
  readonly #clock: Clock
  readonly #known = new Map<string, { readonly refusal: Refusal; readonly cost: Credits; readonly until: number }>()

  constructor(keepMs: number, clock: Clock) {
    this.#keepMs = keepMs
    this.#clock = clock
  }

  find(call: ToolCall, cost: Credits, lines: readonly HoldLine[]): Refusal | undefined {
    if (this.#known.size === 0) return undefined
    const known = this.#known.get(keyOf(call, lines))
    const left = known === undefined ? 0 : known.until - this.#clock.now()
    // More than all is left when the clock was set back.
    if (known === undefined || cost < known.cost || left <= 0 || left > this.#keepMs) return undefined
    return { ...known.refusal, tool: call.tool, cost }
  }

  remember(call: ToolCall, refusal: Refusal, cost: Credits, lines: readonly HoldLine[]): void {
    if (!lacksCredits(refusal.reason)) return
    if (this.#known.size >= MAX_BUDGETS) this.#known.clear()
    this.#known.set(keyOf(call, lines), { refusal, cost, until: this.#clock.now() + this.#keepMs })
  }

  /** Credits may have come back. */
  forget(): void {
    this.#known.clear()
  }
}

// A window that begins brings new credits, and what a token is told is for that token.
function keyOf({ authority }: ToolCall & Authorized, lines: readonly HoldLine[]): string {
  const token = authority?.prefixIds.at(-1) ?? ''
  return token + lines.map(({ unit = '', budget, window }) => `${unit}:${budget}:${window?.current[0] ?? ''}`).join(' ')
}
