import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { BudgetError, budgetId, isCredits, type BudgetEnforcer, type BudgetResult, type SpendRequest } from 'mcp-budget'

interface Contents {
  readonly budgets: Record<string, { readonly initial: number; readonly remaining: number } | undefined>
  readonly answers: Record<string, { readonly payload: string; readonly answer: BudgetResult } | undefined>
}

/** Budgets in one JSON file, for one process: each verb reads, decides and writes without a pause in between. */
export class FileEnforcer implements BudgetEnforcer {
  constructor(readonly path: string) {}

  check(budget: string, cost: number): BudgetResult {
    return judge(this.#read(), budgetId(budget), cost)
  }

  spend({ chargeId, budget, tool, cost }: SpendRequest): BudgetResult {
    const file = this.#read()
    const id = budgetId(budget)
    const payload = JSON.stringify([id, tool, cost])
    const known = file.answers[chargeId]
    if (known?.payload === payload) return known.answer
    if (known !== undefined) return { allowed: false, remaining: 0, reason: 'id_reused' }
    const verdict = judge(file, id, cost)
    const remaining = verdict.allowed ? verdict.remaining - cost : verdict.remaining
    const answer = { ...verdict, remaining }
    const budgets = verdict.allowed ? { ...file.budgets, [id]: { ...file.budgets[id]!, remaining } } : file.budgets
    this.#write({ budgets, answers: { ...file.answers, [chargeId]: { payload, answer } } })
    return answer
  }

  remaining(budget: string): number {
    const found = this.#read().budgets[budgetId(budget)]
    if (found !== undefined) return found.remaining
    throw new BudgetError({ code: 'unknown_budget', message: `Expected a budget that exists, got ${budget}` })
  }

  initialize(budget: string, credits: number): void {
    const file = this.#read()
    const id = budgetId(budget)
    const known = file.budgets[id]
    if (!isCredits(credits)) throw new BudgetError({ code: 'invalid_credits', message: 'Expected an integer from 0' })
    if (known?.initial === credits) return
    if (known !== undefined)
      throw new BudgetError({ code: 'budget_exists', message: `There is a budget ${id} already` })
    this.#write({ ...file, budgets: { ...file.budgets, [id]: { initial: credits, remaining: credits } } })
  }

  #read(): Contents {
    try {
      return JSON.parse(readFileSync(this.path, 'utf8')) as Contents
    } catch (error) {
      // No file is an empty one; a file that cannot be read is an error, or all budgets would be gone.
      if ((error as { code?: unknown }).code === 'ENOENT') return { budgets: {}, answers: {} }
      throw error
    }
  }

  // Renamed into place, so that a crash leaves the old file or the new one, and never half of it.
  #write({ budgets, answers }: Contents): void {
    const recent = Object.fromEntries(Object.entries(answers).slice(-1_000))
    writeFileSync(`${this.path}.new`, JSON.stringify({ budgets, answers: recent }))
    renameSync(`${this.path}.new`, this.path)
  }
}

function judge({ budgets }: Contents, id: string, cost: number): BudgetResult {
  if (!isCredits(cost)) throw new BudgetError({ code: 'invalid_credits', message: 'Expected an integer from 0' })
  const remaining = budgets[id]?.remaining
  if (remaining === undefined) return { allowed: false, remaining: 0, reason: 'unknown_budget' }
  if (cost <= remaining) return { allowed: true, remaining }
  return { allowed: false, remaining, reason: remaining === 0 ? 'exhausted' : 'insufficient' }
}
