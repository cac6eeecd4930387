import { mintChargeId } from '../../src/core/ids.js'
import { Random } from '../../src/testing/random.js'
import type { HoldingEnforcer } from '../../src/budget/enforcer.js'
import type { Operation, SequentialModel } from './linearizability.js'

/** What is asked of a budget. */
export type Asked =
  | { readonly verb: 'hold'; readonly id: string; readonly amount: number }
  | { readonly verb: 'capture' | 'release'; readonly id: string; readonly amount: number }
/** What was answered: the amount that the verb moved, or `false` for a refusal. */
export type Answered = number | false

/** What is used of a store. */
export type Recorded = Pick<HoldingEnforcer, 'hold' | 'capture' | 'release'>

interface Budget {
  readonly available: number
  readonly open: ReadonlyMap<string, number>
}

/** One budget, one request after the other. */
export function budgetOf(available: number): SequentialModel<Budget, Asked, Answered> {
  return {
    initial: { available, open: new Map() },
    step({ available: left, open }, { verb, id, amount }, answered) {
      if (verb === 'hold') {
        const fits = amount <= left
        if (answered !== (fits && amount)) return undefined
        return fits ? { available: left - amount, open: new Map(open).set(id, amount) } : { available: left, open }
      }
      const held = open.get(id)
      const moved = held === undefined ? false : verb === 'capture' ? Math.min(amount, held) : held
      if (moved !== answered) return undefined
      if (held === undefined || moved === false) return { available: left, open }
      const others = new Map(open)
      others.delete(id)
      return { available: left + (verb === 'capture' ? held - moved : moved), open: others }
    },
    key: ({ available: left, open }) => `${left} ${[...open.keys()].sort().join()}`,
  }
}

/** Lets clients ask at once, each by its own store, and records per budget what each was answered, and when. */
export async function recordHistories(
  stores: readonly Recorded[],
  budgets: readonly string[],
  { clients, rounds, seed }: { readonly clients: number; readonly rounds: number; readonly seed: number },
): Promise<ReadonlyMap<string, ReadonlyArray<Operation<Asked, Answered>>>> {
  const histories = new Map(budgets.map((budget) => [budget, [] as Array<Operation<Asked, Answered>>]))
  const client = async (number: number): Promise<void> => {
    const store = stores[number % stores.length] as Recorded
    const random = new Random(seed * 100 + number)
    for (let round = 0; round < rounds; round++) {
      const budget = random.pick(budgets)
      const log = async (input: Asked): Promise<Answered> => {
        const from = performance.now()
        const output = await ask(store, budget, input)
        histories.get(budget)?.push({ input, output, from, till: performance.now() })
        return output
      }
      const id = mintChargeId(Date.now())
      if ((await log({ verb: 'hold', id, amount: 1 + random.int(12) })) === false) continue
      // Both at once, of which one must be refused.
      await Promise.all((['capture', 'release'] as const).map((verb) => log({ verb, id, amount: 1 })))
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)))
  return histories
}

async function ask(store: Recorded, budget: string, { verb, id, amount }: Asked): Promise<Answered> {
  if (verb === 'hold') {
    const held = await store.hold({ id, lines: [{ budget, amount }], ttlMs: 60_000, onExpire: 'release' })
    return held.kind === 'held' && amount
  }
  if (verb === 'release') {
    const released = await store.release({ id: `${id}.r`, holdId: id })
    return released.kind === 'released' && released.returned
  }
  const captured = await store.capture({ id: `${id}.c`, holdId: id, amount, overage: 'cap' })
  return captured.kind === 'captured' && captured.charged
}
