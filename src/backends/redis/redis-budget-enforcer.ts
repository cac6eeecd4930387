import { assertAuthority, assertNewBudget, assertRevoked, newBudgetKey } from '../engine/delegation-requests.js'
import { assertCredits, type Credits } from '../../core/credits.js'
import {
  assertCapture,
  assertExtend,
  assertHold,
  assertId,
  assertMoved,
  assertRelease,
  assertSpend,
} from '../engine/hold-requests.js'
import { BudgetError } from '../../core/errors.js'
import { budgetId, type BudgetId } from '../../budget/budget-id.js'
import { budgetResult, budgetView, holdResult, moveResult, refusedBecause } from './answers.js'
import { digitsOr, sound, type Step } from './step.js'
import {
  leaseEndStep,
  leaseResult,
  leaseStep,
  reconcileResult,
  renewResult,
  renewStep,
  settleResult,
} from './lease-ops.js'
import { linesAsLists } from './lines.js'
import { createAsList } from './new-budget.js'
import { unknownBudget, wrongPayer } from './misuse.js'
import { Partitions } from './partitions.js'
import { readOptions, type RedisBudgetEnforcerOptions } from './options.js'
import { RedisConnection } from './redis-connection.js'
import { RedisLedger } from './redis-ledger.js'
import type { Authority } from '../../budget/authority.js'
import type {
  BudgetResult,
  BudgetView,
  CaptureRequest,
  CaptureResult,
  CloseRequest,
  CloseResult,
  DelegatingEnforcer,
  ExtendRequest,
  ExtendResult,
  GrantRequest,
  HoldLine,
  HoldRequest,
  HoldResult,
  MoveResult,
  ReleaseRequest,
  ReleaseResult,
  SpendRequest,
  TransferRequest,
} from '../../budget/enforcer.js'
import type {
  LeaseRequest,
  LeaseResult,
  LeasingEnforcer,
  ReconcileResult,
  RenewRequest,
  RenewResult,
  SettleRequest,
  SettleResult,
} from '../../budget/lease.js'
import type { RevokeRequest, RevokeResult } from '../../budget/moves.js'
import type { Told } from './batcher.js'

/**
 * Budgets in Redis or Valkey, shared by all processes that use the same keys. Each step of a partition is one script:
 * decided on the server, on its clock, and written whole. What is asked at the same time goes into one script.
 *
 * A request whose answer was lost may be sent again: the same id gets the first answer. How much a crash of the server
 * may lose is what its persistence says: see the guide of this store.
 *
 * @example
 * ```ts
 * const enforcer = new RedisBudgetEnforcer({ redis: ioredisPort(new Redis()) })
 * await enforcer.initialize('agent-1', 1_000)
 * (await enforcer.describe('agent-1')).available // 1000
 * ```
 */
export class RedisBudgetEnforcer implements DelegatingEnforcer, LeasingEnforcer {
  readonly #partitions: Partitions
  readonly #partition: (budget: BudgetId) => string
  /** The books: money entries, which the store writes itself, and call records. */
  readonly ledger: RedisLedger

  /** @throws BudgetError `invalid_config` */
  constructor(options: RedisBudgetEnforcerOptions) {
    const settings = readOptions(options)
    const connection = new RedisConnection(settings.redis)
    this.#partitions = new Partitions(settings, connection)
    this.#partition = settings.partition
    this.ledger = new RedisLedger(settings, connection, this.#partitions)
  }

  /**
   * Reaches the server and asks whether it is fit to keep money. The first request does so too.
   *
   * @throws BudgetError `invalid_config` when its `maxmemory-policy` is another than `noeviction`; `store_unavailable`
   * where nobody answers, or none can be served now
   */
  async ready(): Promise<void> {
    await this.#partitions.check()
  }

  async check(name: BudgetId, cost: Credits): Promise<BudgetResult> {
    assertCredits(cost, 'cost')
    return budgetResult(await this.#ask(budgetId(name), ['check'], [String(cost)]))
  }

  async spend(request: SpendRequest): Promise<BudgetResult> {
    const { chargeId, budget: name, tool, cost } = request
    assertSpend(request)
    const budget = budgetId(name)
    const rest = [JSON.stringify([budget, tool, cost]), sound(chargeId), String(cost + 0), sound(tool)]
    return budgetResult(await this.#ask(budget, ['spend', false, `s${sound(chargeId)}`], rest))
  }

  async remaining(name: BudgetId): Promise<Credits> {
    const answer = budgetResult(await this.#ask(budgetId(name), ['check'], ['0']))
    if (!answer.allowed && answer.reason === 'unknown_budget') throw unknownBudget(name)
    return answer.remaining
  }

  async initialize(name: BudgetId, credits: Credits): Promise<void> {
    assertCredits(credits, 'credits')
    const budget = budgetId(name)
    const listing = this.#partitions.list(this.#partition(budget))
    if (listing !== undefined) await listing
    const [said, initial] = await this.#ask(budget, ['initialize'], [String(credits + 0)])
    if (said !== 'exists') return
    const there = initial === false ? 'no amount' : String(initial)
    throw new BudgetError({
      code: 'budget_exists',
      message: `Expected ${there} for ${budget}, which exists, got ${credits}; add with \`grant\``,
    })
  }

  async hold(request: HoldRequest): Promise<HoldResult> {
    const { id, ttlMs, onExpire, overdraft = false, meta, authority } = request
    assertHold(request)
    const { lists, budgets, partition, cross } = this.#lines(request.lines)
    const about = [String(ttlMs), onExpire, overdraft, sound(meta?.tool), sound(meta?.server)]
    const op = ['hold', sound(id), false, budgets, 0, ...about, 0, cross]
    const step: Step = { op, lines: [4, lists], authority: authority && [10, authority] }
    const told = await this.#partitions.askOfHold(partition, id, step)
    if (told[0] === 'misuse') throw wrongPayer(told)
    return holdResult(told, id)
  }

  async capture(request: CaptureRequest): Promise<CaptureResult> {
    const { id, holdId, amount, overage, lines, meta } = request
    assertCapture(request)
    const asked = lines && this.#lines(lines)
    const rest = [sound(id), String(amount + 0), overage, false, sound(meta?.tool), sound(meta?.server)]
    const op = ['capture', sound(holdId), false, asked?.budgets ?? [], ...rest, asked?.cross ?? false]
    const step: Step = { op, lines: asked && [7, asked.lists] }
    const [kind, charged, late] = (await this.#askOfHold(holdId, asked?.partition, step)) ?? UNKNOWN_HOLD
    if (kind !== 'captured') return refusedBecause(charged)
    return { kind, charged: Number(charged), late: late === true }
  }

  async release(request: ReleaseRequest): Promise<ReleaseResult> {
    const { id, holdId } = request
    assertRelease(request)
    const op = ['release', sound(holdId), false, [], sound(id)]
    const [kind, said] = (await this.#askOfHold(holdId, undefined, { op })) ?? (await this.#bar(op))
    return kind === 'released' ? { kind, returned: Number(said) } : refusedBecause(said)
  }

  async extend(request: ExtendRequest): Promise<ExtendResult> {
    const { id, holdId, ttlMs, round, onExpire } = request
    assertExtend(request)
    const asked = request.lines && this.#lines(request.lines)
    const rest = [String(ttlMs), digitsOr(round), false, onExpire ?? false]
    const op = ['extend', sound(holdId), false, [], sound(id), ...rest]
    const step: Step = { op, lines: asked && [7, asked.lists] }
    const [kind, said, remaining, debt] = (await this.#askOfHold(holdId, asked?.partition, step)) ?? UNKNOWN_HOLD
    if (kind !== 'extended') return refusedBecause(said)
    return { kind, expiresAt: Number(said), remaining: Number(remaining), debt: Number(debt) }
  }

  async lease(request: LeaseRequest): Promise<LeaseResult> {
    const budget = budgetId(request.budget)
    const told = await this.#partitions.askOfHold(this.#partition(budget), request.id, leaseStep(request, budget))
    if (told[0] === 'misuse') throw wrongPayer(told)
    return leaseResult(told, request.id)
  }

  async renew(request: RenewRequest): Promise<RenewResult> {
    return renewResult((await this.#askOfHold(request.leaseId, undefined, renewStep(request))) ?? UNKNOWN_HOLD)
  }

  async settle(request: SettleRequest): Promise<SettleResult> {
    const step = leaseEndStep('settle', request)
    return settleResult((await this.#askOfHold(request.leaseId, undefined, step)) ?? UNKNOWN_HOLD)
  }

  async reconcile(request: SettleRequest): Promise<ReconcileResult> {
    const step = leaseEndStep('reconcile', request)
    return reconcileResult((await this.#askOfHold(request.leaseId, undefined, step)) ?? UNKNOWN_HOLD)
  }

  async grant({ id, budget: name, amount }: GrantRequest): Promise<MoveResult> {
    const budget = budgetId(name)
    assertMoved(amount)
    assertId(id, 'id')
    const payload = JSON.stringify(['grant', budget, amount])
    return moveResult(await this.#ask(budget, ['grant', false, `m${sound(id)}`], [payload, sound(id), String(amount)]))
  }

  async transfer(request: TransferRequest): Promise<MoveResult> {
    const { id, amount, create = false, authority } = request
    const [from, to] = [budgetId(request.from), budgetId(request.to)]
    assertMoved(amount)
    assertNewBudget(create)
    assertId(id, 'id')
    assertAuthority(authority)
    const partition = this.#partition(from)
    const payload = ['transfer', from, to, newBudgetKey(create), amount, authority?.prefixIds.at(-1)]
    const rest = [JSON.stringify(payload), sound(id), String(amount), createAsList(create), 0]
    const op = ['transfer', false, `m${sound(id)}`, [from, to], ...rest, partition !== this.#partition(to)]
    return moveResult(await this.#partitions.ask(partition, { op, authority: authority && [8, authority] }))
  }

  async close({ id, budget: name, why, authority }: CloseRequest): Promise<CloseResult> {
    const budget = budgetId(name)
    assertId(id, 'id')
    assertAuthority(authority)
    const payload = JSON.stringify([budget, why, authority?.prefixIds.at(-1)])
    const about = ['close', false, `c${sound(id)}`] as const
    const [kind, said] = await this.#ask(budget, about, [payload, sound(id), 0], authority && [6, authority])
    return kind === 'closed' ? { kind, returned: Number(said) } : refusedBecause(said)
  }

  async revoke(request: RevokeRequest): Promise<RevokeResult> {
    const { id, until } = request
    const budget = budgetId(request.budget)
    const what = assertRevoked(request)
    assertId(id, 'id')
    const [kind, value] = [what.slice(0, what.indexOf('=')), what.slice(what.indexOf('=') + 1)]
    const rest = [JSON.stringify([budget, what, until]), sound(id), kind, sound(value), digitsOr(until)]
    const [answer, said] = await this.#ask(budget, ['revoke', false, `r${sound(id)}`], rest)
    return answer === 'revoked' ? { kind: answer, returned: Number(said) } : refusedBecause(said)
  }

  async describe(name: BudgetId, authority?: Authority): Promise<BudgetView> {
    const budget = budgetId(name)
    assertAuthority(authority)
    const told = await this.#ask(budget, ['describe'], [0], authority && [4, authority])
    if (told[0] === 'unknown_budget') throw unknownBudget(budget)
    return budgetView(budget, told, authority)
  }

  /** All partitions that have budgets, in order. */
  async partitions(): Promise<readonly string[]> {
    return await this.#partitions.all()
  }

  #ask(
    budget: BudgetId,
    [verb, hold = false, answer]: readonly [verb: string, hold?: false, answer?: string],
    rest: readonly unknown[],
    authority?: Step['authority'],
  ): Promise<Told> {
    return this.#partitions.ask(this.#partition(budget), {
      op: [verb, hold, answer ?? false, [budget], ...rest],
      authority,
    })
  }

  // Undefined where the hold is nowhere, and the request does not say where it would be. What is known is asked in this
  // turn, so that requests keep their order.
  #askOfHold(holdId: string, partition: string | undefined, step: Step): Promise<Told | undefined> {
    const where = partition ?? this.#partitions.seenIn(holdId)
    if (where !== undefined) return this.#partitions.askOfHold(where, holdId, step)
    return this.#partitions
      .search(holdId)
      .then((found) => (found === undefined ? undefined : this.#partitions.askOfHold(found, holdId, step)))
  }

  // A hold that nobody has seen may be on its way to any partition.
  async #bar(op: unknown[]): Promise<Told> {
    for (const partition of await this.#partitions.all()) await this.#partitions.ask(partition, { op: [...op] })
    return ['released', '0']
  }

  #lines(lines: readonly HoldLine[]) {
    const lists = linesAsLists(lines)
    const budgets = lists.map(([budget]) => budget as string)
    const partition = this.#partition(budgets[0] as string)
    const cross = budgets.find((budget) => this.#partition(budget) !== partition) ?? false
    return { lists, budgets, partition, cross }
  }
}

const UNKNOWN_HOLD: Told = ['refused', 'unknown_hold']
