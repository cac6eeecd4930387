import { expect } from 'vitest'
import vectors from '../vectors/delegation-sequences.json' with { type: 'json' }
import type { Authority, BudgetView, DelegatingEnforcer, PrefixLimit, Registration } from 'mcp-budget'

interface Step {
  readonly op: string
  readonly args: readonly unknown[]
  readonly result: Readonly<Record<string, unknown>>
}

/** What the vectors call the reasons of the store. */
const NAMES: Readonly<Record<string, string>> = { exhausted: 'insufficient' }

/** A store as the vectors speak of it: ids count up over budgets, holds and ceilings. */
class Sequence {
  readonly store: DelegatingEnforcer
  readonly ends = new Map<string, 'already_settled' | 'already_released'>()
  readonly limits = new Map<string, PrefixLimit>()
  readonly chains = new Map<string, readonly Registration[]>()
  readonly #holds = new Map<string, { readonly holdId: string; readonly budget: string }>()
  #created = 0
  #requests = 0

  constructor(store: DelegatingEnforcer) {
    this.store = store
  }

  async run({ op, args }: Step): Promise<object> {
    const [first, second, third, fourth] = args as [string, string, number, readonly string[]]
    const [number, ceilings] = [args[1] as number, args[2] as readonly string[]]
    switch (op) {
      case 'mint':
        return second === undefined ? this.#mint(args[0] as number) : this.#grant(second, args[0] as number)
      case 'ceiling':
        return this.#ceiling(args[0] as number)
      case 'delegate':
        return this.#delegate(first, number, ceilings)
      case 'topup':
        // To the parent it is no topping up, but giving back: the store has one verb for both, which tell who asks.
        if ((await this.store.describe(first)).parent === `default/${second}`) return { err: 'not_descendant' }
        return this.#move(first, second, third, fourth)
      case 'giveback':
        return this.#giveBack(first, number)
      case 'hold':
        return this.#hold(first, number, ceilings)
      case 'settle':
        return this.#settle(first, number)
      case 'release':
        return this.#release(first)
      default:
        return this.#close(first, second as 'closed')
    }
  }

  /** The authority of a token on a budget, with these ceilings. */
  authority(budget: string, ceilings: readonly string[] = []): Authority {
    const registrations = this.chains.get(budget) ?? []
    const prefixIds = ['root', ...registrations.map(({ prefixId }) => prefixId), `${budget} ${ceilings.join(' ')}`]
    const limits = ceilings.map((id) => this.limits.get(id) as PrefixLimit)
    const base = { tenant: 'default', nonce: 'nonce', issuedAt: 1_000, calls: [], rates: [] }
    return { ...base, budget: `default/${budget}`, registrations, prefixIds, ceilings: limits }
  }

  async #mint(amount: number): Promise<object> {
    const id = `a${++this.#created}`
    await this.store.initialize(id, amount)
    this.chains.set(id, [])
    return { id }
  }

  async #grant(budget: string, amount: number): Promise<object> {
    const answer = await this.store.grant({ id: this.#request(), budget, amount })
    return answer.kind === 'moved' ? { id: budget } : { err: answer.reason }
  }

  #ceiling(limit: number): object {
    const id = `c${++this.#created}`
    this.limits.set(id, { prefixId: id, limit })
    return { id }
  }

  async #delegate(from: string, amount: number, ceilings: readonly string[]): Promise<object> {
    const to = `a${this.#created + 1}`
    const authority = this.authority(from, ceilings)
    const create = { registration: `prefix of ${to}` }
    const answer = await this.store.transfer({ id: this.#request(), from, to, amount, create, authority })
    if (answer.kind === 'refused') return { err: NAMES[answer.reason] ?? answer.reason }
    this.#created++
    const registration = { prefixId: create.registration, budget: `default/${to}`, parent: `default/${from}` }
    this.chains.set(to, [...(this.chains.get(from) ?? []), registration])
    return { id: to, parentRemaining: await this.store.remaining(from) }
  }

  async #move(from: string, to: string, amount: number, ceilings?: readonly string[]): Promise<object> {
    const authority = this.authority(from, ceilings)
    const answer = await this.store.transfer({ id: this.#request(), from, to, amount, authority })
    return answer.kind === 'moved' ? { ok: 1 } : { err: NAMES[answer.reason] ?? answer.reason }
  }

  async #giveBack(from: string, amount: number): Promise<object> {
    const parent = (await this.store.describe(from)).parent
    // A root has nobody to give back to: it can only name itself.
    const answer = await this.#move(from, parent ?? from, amount)
    if (parent !== undefined) return answer
    expect(answer).toEqual({ err: 'not_descendant' })
    return { err: 'root' }
  }

  async #hold(budget: string, amount: number, ceilings: readonly string[]): Promise<object> {
    const id = `h${this.#created + 1}`
    const lines = [{ budget, amount }]
    const authority = this.authority(budget, ceilings)
    const answer = await this.store.hold({ id: this.#request(), lines, ttlMs: 60_000, onExpire: 'release', authority })
    if (answer.kind === 'refused') return { err: NAMES[answer.reason] ?? answer.reason }
    this.#created++
    this.#holds.set(id, { holdId: answer.holdId, budget })
    return { id }
  }

  async #settle(id: string, amount: number): Promise<object> {
    const { holdId, budget } = this.#holds.get(id)!
    const before = (await this.store.describe(budget)).debt
    const answer = await this.store.capture({ id: this.#request(), holdId, amount, overage: 'debt' })
    if (answer.kind === 'refused') return { err: this.ends.get(id) }
    this.ends.set(id, 'already_settled')
    return { ok: 1, debt: (await this.store.describe(budget)).debt - before }
  }

  async #release(id: string): Promise<object> {
    const answer = await this.store.release({ id: this.#request(), holdId: this.#holds.get(id)!.holdId })
    if (answer.kind === 'refused') return { err: this.ends.get(id) }
    this.ends.set(id, 'already_released')
    return { ok: 1 }
  }

  async #close(budget: string, why: 'closed' | 'expired' | 'revoked'): Promise<object> {
    const answer = await this.store.close({ id: this.#request(), budget, why, authority: this.authority(budget) })
    return answer.kind === 'closed' ? { ok: 1, reclaimed: answer.returned } : { err: answer.reason }
  }

  #request(): string {
    return `request-${++this.#requests}`
  }
}

async function stateOf(sequence: Sequence): Promise<object> {
  const budgets = await viewsOf(sequence)
  const accounts = budgets.map(({ budget, state, available: avail, held, spent, debt }) => [
    budget.replace('default/', ''),
    { state, avail, held, spent, debt },
  ])
  const limits = [...sequence.limits.keys()]
  const { limits: root } = await sequence.store.describe('a1', sequence.authority('a1', limits))
  const ceilings = (root?.ceilings ?? []).map(({ prefixId, limit, used }) => [prefixId, { limit, used }])
  const burned = budgets.reduce((sum, each) => sum + each.burned, 0)
  return { burned, accounts: Object.fromEntries(accounts), ceilings: Object.fromEntries(ceilings) }
}

function viewsOf({ store, chains }: Sequence): Promise<BudgetView[]> {
  return Promise.all([...chains.keys()].map(async (id) => store.describe(id)))
}

/** The seeds of the vectors. */
export const SEQUENCE_SEEDS = vectors.sequences.map(({ seed }) => seed)

/** Lets one sequence of the vectors happen to a store: each step must have its result, and the end its state. */
export async function expectSequence(seed: number, store: DelegatingEnforcer): Promise<void> {
  const found = vectors.sequences.find((each) => each.seed === seed)
  if (found === undefined) throw new Error(`Expected a seed of the vectors, got ${seed}`)
  const sequence = new Sequence(store)
  for (const [i, step] of (found.steps as readonly Step[]).entries()) {
    expect(await sequence.run(step), `step ${i}: ${step.op} ${JSON.stringify(step.args)}`).toEqual(step.result)
  }
  const { minted, ...rest } = found.final
  expect(await stateOf(sequence)).toEqual(rest)
  const budgets = await viewsOf(sequence)
  const sum = (column: 'available' | 'held' | 'spent' | 'debt'): number =>
    budgets.reduce((total, each) => total + each[column], 0)
  expect(minted + sum('debt')).toBe(sum('available') + sum('held') + sum('spent'))
}
