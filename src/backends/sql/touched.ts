import { budgetId, type BudgetId } from '../../budget/budget-id.js'
import { homeOf } from './call-rows.js'
import { rootOf } from '../engine/authorities.js'
import type { Authority, Prefix } from '../../budget/authority.js'
import type { HeldAuthority } from '../engine/authorities.js'
import type { HoldLine } from '../../budget/enforcer.js'
import type { RevokeRequest } from '../../budget/moves.js'
import type { MoneyCall } from './store-call.js'
import type { Wanted } from './transaction.js'

/** What some requests touch. Requests that are none are passed over here: the engine says what is wrong with them. */
export class Touched {
  readonly partitions = new Set<string>()
  readonly holds = new Set<string>()
  /** Of holds that are released: one that has not come yet has no partition. */
  readonly released = new Set<string>()
  readonly budgets = new Set<BudgetId>()
  readonly trees = new Set<BudgetId>()
  readonly parents = new Set<BudgetId>()
  readonly prefixes = new Set<string>()
  readonly nonces = new Set<string>()
  readonly banned = new Set<string>()
  /** Roots whose counts may get a new counter, with the number of prefixes that may be new. */
  readonly fresh = new Map<BudgetId, number>()
  /** Roots whose counters are all wanted. */
  readonly full = new Set<BudgetId>()
  /** Ids that may be banned, by the partition in which they would be. */
  readonly #bans = new Map<string, Set<string>>()
  readonly #verbs = new Set<string>()
  readonly #answers = new Set<string>()
  readonly #counters = new Map<BudgetId, Set<string>>()
  readonly #partitionOf: (budget: BudgetId) => string

  constructor(partitionOf: (budget: BudgetId) => string) {
    this.#partitionOf = partitionOf
  }

  get roots(): Iterable<BudgetId> {
    return this.#counters.keys()
  }

  /** How much is touched: it only grows. */
  get size(): number {
    const { holds, budgets, trees, parents, prefixes, nonces, banned, full } = this
    const sets = [holds, budgets, trees, parents, prefixes, nonces, banned, full, this.#verbs, this.#answers]
    const maps = [...this.#counters.values(), ...this.#bans.values()]
    return [...sets, ...maps].reduce((sum, { size }) => sum + size, this.#counters.size)
  }

  /** What is to be read for it, in these partitions. */
  wanted(partitions: readonly string[], bounds: Pick<Wanted, 'now' | 'most'>): Wanted {
    return {
      ...bounds,
      partitions,
      holds: [...this.holds],
      budgets: [...this.budgets],
      trees: [...this.trees],
      parents: [...this.parents],
      prefixes: [...this.prefixes],
      nonces: [...this.nonces],
      verbs: [...this.#verbs],
      answers: [...this.#answers],
      counters: pairsOf(this.#counters),
      full: [...this.full],
      roots: [...this.#counters.keys()],
      bans: pairsOf(this.#bans),
      banned: [...this.banned],
    }
  }

  note(call: MoneyCall): void {
    switch (call.verb) {
      case 'check':
      case 'remaining':
      case 'initialize':
        return void this.#budget(call.args[0])
      case 'describe':
        this.#authority(call.args[1])
        return void this.#budget(call.args[0], this.parents)
      case 'spend':
        this.#answer('spend', call.args[0].chargeId)
        return void this.#budget(call.args[0].budget)
      case 'hold':
        return this.#hold(call.args[0].id, call.args[0].lines, call.args[0].authority)
      case 'capture':
        return this.#hold(call.args[0].holdId, call.args[0].lines)
      case 'release':
        this.released.add(call.args[0].holdId)
        return this.#hold(call.args[0].holdId)
      case 'extend':
        return this.#hold(call.args[0].holdId)
      case 'lease': {
        const { id, budget, authority } = call.args[0]
        return this.#hold(id, [{ budget, amount: 0 }], authority)
      }
      case 'renew':
        return this.#hold(call.args[0].leaseId, [], call.args[0].authority)
      case 'settle':
      case 'reconcile':
        return this.#hold(call.args[0].leaseId)
      case 'grant':
        this.#answer('move', call.args[0].id)
        return void this.#budget(call.args[0].budget)
      case 'transfer':
        this.#answer('move', call.args[0].id)
        this.#budget(call.args[0].to)
        this.#authority(call.args[0].authority)
        return void this.#budget(call.args[0].from)
      case 'close':
        this.#answer('close', call.args[0].id)
        this.#authority(call.args[0].authority)
        return void this.#budget(call.args[0].budget, this.trees)
      case 'revoke':
        return this.#revoke(call.args[0])
      case 'append':
        for (const record of call.args[0])
          if (record.kind !== 'money') this.partitions.add(homeOf(record.budgets, this.#partitionOf))
    }
  }

  /** What a hold that was loaded leads to: the end of a hold on a budget that closes is handed to those above. */
  noteHeld({ budgets, authority }: { budgets: readonly BudgetId[]; authority: HeldAuthority | undefined }): void {
    for (const budget of budgets) this.budgets.add(budget)
    if (authority !== undefined) this.#limits(authority.root, [...authority.ceilings, ...authority.calls])
  }

  #hold(id: string, lines: readonly HoldLine[] = [], authority?: Authority): void {
    this.holds.add(String(id))
    for (const line of lines) this.#budget(line.budget)
    this.#authority(authority)
  }

  #revoke(request: RevokeRequest): void {
    this.#answer('revoke', request.id)
    const budget = this.#budget(request.budget, 'issuedBefore' in request ? this.trees : undefined)
    if (budget === undefined) return
    const bans = this.#bansOf(budget)
    bans.add(budget)
    this.banned.add(this.#partitionOf(budget))
    const named = (id: string, found: Set<string>): void => {
      bans.add(String(id))
      found.add(String(id))
    }
    if ('prefixId' in request) named(request.prefixId, this.prefixes)
    if ('nonce' in request) named(request.nonce, this.nonces)
  }

  // All that a token is banned by is kept where its budget is.
  #bansOf(budget: BudgetId): Set<string> {
    return setIn(this.#bans, this.#partitionOf(budget))
  }

  #authority(authority: Authority | undefined): void {
    if (authority === undefined) return
    try {
      const { budget, registrations, prefixIds, nonce, ceilings, calls, rates } = authority
      const bans = this.#bansOf(budgetId(budget))
      for (const name of [budget, ...registrations.flatMap((each) => [each.budget, each.parent])]) {
        const id = this.#budget(name)
        if (id !== undefined) bans.add(id)
      }
      for (const id of [...prefixIds, nonce]) bans.add(id)
      const root = rootOf(authority)
      const limits = [...ceilings, ...calls, ...rates]
      this.#limits(root, limits)
      this.fresh.set(root, (this.fresh.get(root) ?? 0) + limits.length)
    } catch {
      // The engine refuses it.
    }
  }

  #limits(root: BudgetId, limits: readonly Prefix[]): void {
    const known = setIn(this.#counters, root)
    for (const { prefixId } of limits) known.add(prefixId)
  }

  #answer(verb: string, id: string): void {
    this.#verbs.add(verb)
    this.#answers.add(String(id))
  }

  #budget(name: BudgetId, also?: Set<BudgetId>): BudgetId | undefined {
    try {
      const id = budgetId(name)
      this.budgets.add(id)
      also?.add(id)
      this.partitions.add(this.#partitionOf(id))
      return id
    } catch {
      return undefined
    }
  }
}

function setIn<Key>(sets: Map<Key, Set<string>>, key: Key): Set<string> {
  const set = sets.get(key) ?? new Set()
  sets.set(key, set)
  return set
}

function pairsOf(sets: ReadonlyMap<string, ReadonlySet<string>>): Array<readonly [string, string]> {
  return [...sets].flatMap(([first, all]) => Array.from(all, (second) => [first, second] as const))
}
