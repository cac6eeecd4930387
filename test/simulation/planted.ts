import { intercept } from '../../src/testing/verbs.js'
import { InMemoryBudgetEnforcer } from '../../src/backends/memory/in-memory-budget-enforcer.js'
import type { BudgetView, HoldingEnforcer, HoldRequest, HoldResult, MoveResult } from '../../src/budget/enforcer.js'
import type { Clock } from '../../src/core/clock.js'
import type { EnforcerCall, Verb } from '../../src/testing/index.js'
import type { MoneySink } from '../../src/backends/engine/book.js'

interface Context {
  readonly clock: Clock
  readonly ledger: MoneySink
}

type Changed = { readonly [V in Verb]?: (call: Extract<EnforcerCall, { verb: V }>['args'], run: () => any) => unknown }

/** The memory store with some verbs done wrong. */
function plant(store: InMemoryBudgetEnforcer, changed: Changed): HoldingEnforcer {
  return intercept(store, (call, run) => {
    const wrong = changed[call.verb] as ((args: unknown, run: () => unknown) => unknown) | undefined
    return wrong === undefined ? run() : wrong(call.args, run)
  })
}

let unique = 0
const fresh = (): string => `planted-${++unique}`

function doubleCapture(context: Context): HoldingEnforcer {
  const store = new InMemoryBudgetEnforcer(context)
  return plant(store, {
    capture([{ lines, amount }], run) {
      const answer = run()
      if (answer.reason !== 'hold_ended') return answer
      store.spend({ chargeId: fresh(), budget: lines?.[0]?.budget ?? '', tool: 't', cost: amount })
      return { kind: 'captured', charged: amount, late: true }
    },
  })
}

function lostRelease(context: Context): HoldingEnforcer {
  const store = new InMemoryBudgetEnforcer(context)
  return plant(store, { release: () => ({ kind: 'released', returned: 0 }) })
}

/** A check, and the debit a moment later, for which nothing was kept: what two calls do that are in flight at once. */
function checkThenAct({ clock }: Context): HoldingEnforcer {
  const store = new InMemoryBudgetEnforcer({ clock })
  const pending = new Map<string, HoldRequest>()
  const answers = new Map<string, HoldResult>()
  const debit = (id: string): void => {
    const request = pending.get(id)
    pending.delete(id)
    if (request !== undefined) store.hold({ ...request, overdraft: true })
  }
  return plant(store, {
    hold([request], run) {
      const { id, lines, overdraft } = request
      const first = answers.get(id)
      if (overdraft === true || first !== undefined || lines.some(({ window }) => window)) return first ?? run()
      const verdicts = lines.map(({ budget, amount }) => store.check(budget, amount))
      if (verdicts.some(({ allowed }) => !allowed)) return run()
      pending.set(id, request)
      clock.after(1, () => debit(id))
      const remaining = Math.min(...lines.map(({ amount }, i) => (verdicts[i]?.remaining ?? 0) - amount))
      const answer = { kind: 'held', holdId: id, remaining, debt: 0 } as const
      answers.set(id, answer)
      return answer
    },
    // Shows the debits that are on their way, so that only the race itself is wrong.
    describe([budget], run) {
      const view: BudgetView = run()
      const due = [...pending.values()].flatMap(({ lines }) => lines.filter((line) => line.budget === budget))
      const amount = due.reduce((sum, line) => sum + line.amount, 0)
      const openHolds = view.openHolds + due.length
      return { ...view, available: view.available - amount, held: view.held + amount, openHolds }
    },
    capture([{ holdId }], run) {
      debit(holdId)
      return run()
    },
    release([{ holdId }], run) {
      debit(holdId)
      return run()
    },
    extend([{ holdId }], run) {
      debit(holdId)
      return run()
    },
  })
}

/** A capture says by how much usage grew, and what arrives twice is added twice. */
function deltaReports(context: Context): HoldingEnforcer {
  const store = new InMemoryBudgetEnforcer(context)
  const seen = new Set<string>()
  return plant(store, {
    capture([{ id, lines, amount }], run) {
      if (seen.has(id)) store.spend({ chargeId: fresh(), budget: lines?.[0]?.budget ?? '', tool: 't', cost: amount })
      seen.add(id)
      return run()
    },
  })
}

/** Holds are keys with a time to live: at their deadline they are gone, and nobody gives their credits back. */
function vanishingHolds(context: Context): HoldingEnforcer {
  const store = new InMemoryBudgetEnforcer(context)
  const gone = new Map<string, number>()
  const vanished = (holdId: string): boolean => (gone.get(holdId) ?? Infinity) <= context.clock.now()
  return plant(store, {
    hold([request]) {
      const answer = store.hold({ ...request, ttlMs: 86_400_000 })
      if (!gone.has(request.id)) gone.set(request.id, context.clock.now() + request.ttlMs)
      return answer
    },
    extend([{ holdId, ttlMs }], run) {
      if (vanished(holdId)) return { kind: 'refused', reason: 'unknown_hold' }
      const answer = run()
      const expiresAt = Math.max(gone.get(holdId) ?? 0, context.clock.now() + ttlMs)
      if (answer.kind === 'extended') gone.set(holdId, expiresAt)
      return answer.kind === 'extended' ? { ...answer, expiresAt } : answer
    },
    capture: ([{ holdId }], run) => (vanished(holdId) ? { kind: 'refused', reason: 'unknown_hold' } : run()),
    release: ([{ holdId }], run) => (vanished(holdId) ? { kind: 'refused', reason: 'unknown_hold' } : run()),
  })
}

/** `initialize` means: let there be so much. */
function refill(context: Context): HoldingEnforcer {
  const store = new InMemoryBudgetEnforcer(context)
  return plant(store, {
    initialize([budget, credits], run) {
      run()
      const missing = credits - store.remaining(budget)
      if (missing > 0) store.grant({ id: fresh(), budget, amount: missing })
    },
  })
}

function doubleGrant(context: Context): HoldingEnforcer {
  const store = new InMemoryBudgetEnforcer(context)
  const answers = new Map<string, MoveResult>()
  return plant(store, {
    grant([request]) {
      const first = answers.get(request.id)
      const answer = store.grant({ ...request, id: fresh() })
      answers.set(request.id, first ?? answer)
      return first ?? answer
    },
  })
}

/** A hold whose answer was lost is placed again. */
function doubleHold(context: Context): HoldingEnforcer {
  const store = new InMemoryBudgetEnforcer(context)
  const seen = new Set<string>()
  return plant(store, {
    hold([request], run) {
      if (seen.has(request.id)) store.hold({ ...request, id: fresh() })
      seen.add(request.id)
      return run()
    },
  })
}

/** Work that is reported after its hold was given back is acknowledged, and not charged. */
function freeLateWork(context: Context): HoldingEnforcer {
  const store = new InMemoryBudgetEnforcer(context)
  const givesBack = new Set<string>()
  return plant(store, {
    hold([{ id, onExpire }], run) {
      if (onExpire === 'release') givesBack.add(id)
      return run()
    },
    capture([{ holdId, amount }], run) {
      const isGone = store.extend({ id: fresh(), holdId, ttlMs: 1 }).kind === 'refused'
      if (isGone && givesBack.has(holdId)) return { kind: 'captured', charged: amount, late: true }
      givesBack.delete(holdId)
      return run()
    },
  })
}

/** A release that comes before its hold is forgotten, and the hold stays until its deadline. */
function noBar(context: Context): HoldingEnforcer {
  const store = new InMemoryBudgetEnforcer(context)
  const placed = new Set<string>()
  return plant(store, {
    hold([{ id }], run) {
      placed.add(id)
      return run()
    },
    release: ([{ holdId }], run) => (placed.has(holdId) ? run() : { kind: 'released', returned: 0 }),
  })
}

/** A store whose clock is a millisecond slow: holds live a moment too long. */
function lateExpiry({ clock, ledger }: Context): HoldingEnforcer {
  const slow: Clock = { now: () => clock.now() - 1, after: (ms, task) => clock.after(ms, task) }
  return new InMemoryBudgetEnforcer({ clock: slow, ledger })
}

/** The entry of a change is written apart from it, and sometimes is not. */
function lostEntries({ clock, ledger }: Context): HoldingEnforcer {
  const append: MoneySink['append'] = (entries) => ledger.append(entries.filter(({ op }) => op !== 'expire'))
  return new InMemoryBudgetEnforcer({ clock, ledger: { append } })
}

/** Mistakes that budget systems make, each planted into the memory store. */
export const PLANTED: Readonly<Record<string, (context: Context) => HoldingEnforcer>> = {
  'double capture': doubleCapture,
  'lost release': lostRelease,
  'check then act': checkThenAct,
  'delta reports': deltaReports,
  'vanishing holds': vanishingHolds,
  'refill on initialize': refill,
  'double grant': doubleGrant,
  'double hold': doubleHold,
  'free late work': freeLateWork,
  'a release that bars nothing': noBar,
  'late expiry': lateExpiry,
  'lost entries': lostEntries,
}
