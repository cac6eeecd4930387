import { budgetId, type BudgetId } from '../budget/budget-id.js'
import { isCount } from '../core/settings.js'
import { isCredits } from '../core/credits.js'
import { Wallet } from './wallet.js'
import type { Asked } from './slice.js'
import type { Authority } from '../budget/authority.js'
import type { HoldRequest } from '../budget/enforcer.js'
import type { WalletContext } from './wallet-context.js'

/** So many budgets, or tokens, are leased at once; calls on any other are for the store. */
const MOST_WALLETS = 1_000
const DAY_MS = 86_400_000

/** The leases of a process, by budget and token. */
export class Wallets {
  readonly #context: WalletContext
  /** By the name of the budget as a call gives it, and then by the token's id: empty where there is none. */
  readonly #byBudget = new Map<string, Map<string, Wallet>>()
  #count = 0
  /** The last that was found for a call without a token: most often the next too. */
  #last: Wallet | undefined
  #lastBudget = ''

  constructor(context: Omit<WalletContext, 'giveBack'>) {
    this.#context = { ...context, giveBack: (budget) => this.#giveBack(budget) }
  }

  /** Whose leases may pay for a call; `undefined` where only the store can decide, or says what is wrong with it. */
  find(request: HoldRequest): Wallet | undefined {
    if (!isLeasable(request)) return undefined
    return this.#get(request) ?? this.#make(request)
  }

  /** The same, where there are any. */
  known(request: HoldRequest): Wallet | undefined {
    return isLeasable(request) ? this.#get(request) : undefined
  }

  tick(now: Asked): void {
    for (const [budget, byToken] of this.#byBudget) {
      for (const [token, wallet] of byToken) {
        wallet.tick(now)
        if (!wallet.isIdle || now.steady - wallet.usedAt <= this.#context.settings.ttlMs) continue
        byToken.delete(token)
        this.#count--
        this.#last = undefined
      }
      if (byToken.size === 0) this.#byBudget.delete(budget)
    }
  }

  /** Draws no more from any; `isForGood`: and asks for none. Settles when the store has taken what it could. */
  async close(isForGood: boolean): Promise<void> {
    await Promise.all(this.#all().map((wallet) => wallet.close(isForGood)))
  }

  #get({ lines, authority }: HoldRequest): Wallet | undefined {
    const { budget } = lines[0] as HoldRequest['lines'][number]
    if (authority !== undefined) return this.#byBudget.get(budget)?.get(tokenOf(authority))
    if (this.#last !== undefined && this.#lastBudget === budget) return this.#last
    this.#lastBudget = budget
    return (this.#last = this.#byBudget.get(budget)?.get(''))
  }

  #make({ lines, authority }: HoldRequest): Wallet | undefined {
    if (this.#count >= MOST_WALLETS) return undefined
    const { budget: name } = lines[0] as HoldRequest['lines'][number]
    try {
      const budget = budgetId(name)
      if (authority !== undefined && budgetId(authority.budget) !== budget) return undefined
      const made = new Wallet(this.#context, budget, authority)
      const byToken = this.#byBudget.get(name) ?? new Map<string, Wallet>()
      this.#byBudget.set(name, byToken.set(authority === undefined ? '' : tokenOf(authority), made))
      this.#count++
      return made
    } catch {
      return undefined
    }
  }

  #all(): Wallet[] {
    return [...this.#byBudget.values()].flatMap((byToken) => [...byToken.values()])
  }

  // By whatever token, and under whatever name of the budget.
  async #giveBack(budget: BudgetId): Promise<boolean> {
    const wallets = this.#all().filter((wallet) => wallet.budget === budget)
    const given = await Promise.all(wallets.map((wallet) => wallet.giveBack()))
    return given.includes(true)
  }
}

function isLeasable({ id, lines, ttlMs, onExpire, overdraft, authority }: HoldRequest): boolean {
  if ((lines as HoldRequest['lines'] | undefined)?.length !== 1 || overdraft === true) return false
  const [line] = lines
  if (line?.window !== undefined || (line?.unit !== undefined && line.unit !== 'credits')) return false
  // What is no request is for the store to refuse.
  const isWhole = isCredits(line?.amount) && isCount(ttlMs, 1) && ttlMs <= DAY_MS && typeof line.budget === 'string'
  const isNamed = typeof id === 'string' && id.length > 0 && id.length <= 128
  if (!isWhole || !isNamed || (onExpire !== 'capture' && onExpire !== 'release')) return false
  if (authority === undefined) return true
  return [authority.ceilings, authority.calls, authority.rates].every((limits) => limits.length === 0)
}

// No budget can be spent by a token without an id: that it is told apart from a call without one is enough.
function tokenOf({ prefixIds }: Authority): string {
  return prefixIds.at(-1) ?? ' '
}
