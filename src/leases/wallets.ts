import { budgetId, type BudgetId } from '../budget/budget-id.js'
import { isCount } from '../core/settings.js'
import { isCredits } from '../core/credits.js'
import { Wallet } from './wallet.js'
import type { Asked } from './slice.js'
import type { HoldRequest } from '../budget/enforcer.js'
import type { WalletContext } from './wallet-context.js'

/** So many budgets, or tokens, are leased at once; calls on any other are for the store. */
const MOST_WALLETS = 1_000
const DAY_MS = 86_400_000

/** The leases of a process, by budget and token. */
export class Wallets {
  readonly #context: WalletContext
  readonly #byKey = new Map<string, Wallet>()

  constructor(context: Omit<WalletContext, 'giveBack'>) {
    this.#context = { ...context, giveBack: (budget) => this.#giveBack(budget) }
  }

  /** Whose leases may pay for a call; `undefined` where only the store can decide, or says what is wrong with it. */
  find(request: HoldRequest): Wallet | undefined {
    const known = this.known(request)
    if (known !== undefined || !isLeasable(request) || this.#byKey.size >= MOST_WALLETS) return known
    const [line] = request.lines
    const { authority } = request
    try {
      const budget = budgetId(line?.budget as string)
      if (authority !== undefined && budgetId(authority.budget) !== budget) return undefined
      const made = new Wallet(this.#context, budget, authority)
      this.#byKey.set(keyOf(request), made)
      return made
    } catch {
      return undefined
    }
  }

  /** The same, where there are any. */
  known(request: HoldRequest): Wallet | undefined {
    return isLeasable(request) ? this.#byKey.get(keyOf(request)) : undefined
  }

  tick(now: Asked): void {
    for (const [key, wallet] of this.#byKey) {
      wallet.tick(now)
      if (wallet.isIdle && now.steady - wallet.usedAt > this.#context.settings.ttlMs) this.#byKey.delete(key)
    }
  }

  /** Draws no more from any; `isForGood`: and asks for none. Settles when the store has taken what it could. */
  async close(isForGood: boolean): Promise<void> {
    await Promise.all(Array.from(this.#byKey.values(), (wallet) => wallet.close(isForGood)))
  }

  // By whatever token, and under whatever name of the budget.
  async #giveBack(budget: BudgetId): Promise<boolean> {
    const wallets = [...this.#byKey.values()].filter((wallet) => wallet.budget === budget)
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

function keyOf({ lines, authority }: HoldRequest): string {
  const budget = lines[0]?.budget ?? ''
  return authority === undefined ? budget : `${budget} ${authority.prefixIds.at(-1) ?? ''}`
}
