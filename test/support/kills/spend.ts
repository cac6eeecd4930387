import { mintChargeId } from '../../../src/core/ids.js'
import type { MaybePromise } from '../../../src/core/maybe-promise.js'
import type { HoldingEnforcer } from '../../../src/budget/enforcer.js'

/** What each call puts aside, and what it is charged in the end. */
export const CALL = { held: 3, charged: 2 }

/** How long a hold lasts that its caller abandons. */
export const ABANDONED_MS = 1_000

const WAIT_MS = 60_000

/** What is used of a store. */
export type SpentFrom = Pick<HoldingEnforcer, 'hold' | 'capture'>

/** How to spend. */
export interface SpendOptions {
  readonly budget: string
  /** How many calls are made at once. */
  readonly inFlight: number
  /** How long a hold lasts that nobody ends. */
  readonly ttlMs: number
  /** Told of the charge of each capture when the store has answered. */
  readonly told: (id: string) => void
  /** Each so many-th call is never ended, and its hold lasts a second. */
  readonly abandonEvery?: number
}

/** Calls that are being made. */
export interface Spending {
  /** Begins no other, and resolves when all that began have ended. */
  stop(): Promise<void>
}

/** Spends from one budget. Each request is made again, with the same id, until the store answers it. */
export function spend(store: SpentFrom, options: SpendOptions): Spending {
  const { budget, inFlight, ttlMs, told, abandonEvery = Infinity } = options
  const lines = [{ budget, amount: CALL.held }]
  let isOver = false
  let count = 0
  const spendOn = async (): Promise<void> => {
    while (!isOver) {
      const id = mintChargeId(Date.now())
      const isAbandoned = ++count % abandonEvery === 0
      const request = { id, lines, ttlMs: isAbandoned ? ABANDONED_MS : ttlMs, onExpire: 'release' } as const
      const held = await untilAnswered(() => store.hold(request))
      if (held.kind === 'refused') {
        if (!['insufficient', 'exhausted'].includes(held.reason))
          throw new Error(`Expected a hold, got the refusal ${held.reason}`)
        await new Promise((resolve) => setTimeout(resolve, 2))
        continue
      }
      if (isAbandoned) continue
      const capture = { id: `${id} end`, holdId: id, amount: CALL.charged, overage: 'cap', lines } as const
      const captured = await untilAnswered(() => store.capture(capture))
      if (captured.kind === 'refused') throw new Error(`Expected a charge, got the refusal ${captured.reason}`)
      told(id)
    }
  }
  const all = Promise.all(Array.from({ length: inFlight }, spendOn))
  // Who stops hears of it; until then it must not end the process.
  all.catch(() => {})
  return {
    async stop() {
      isOver = true
      await all
    },
  }
}

async function untilAnswered<Answer>(ask: () => MaybePromise<Answer>): Promise<Answer> {
  for (const until = Date.now() + WAIT_MS; ;) {
    try {
      return await ask()
    } catch (error) {
      if (Date.now() > until) throw error
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}
