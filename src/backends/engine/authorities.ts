import { budgetId, type BudgetId } from '../../budget/budget-id.js'
import { Counters, type Counted, type CounterRefusal } from './counters.js'
import { isBelow, subtree } from './delegated.js'
import { isRevokedWith, Revocations } from './revocations.js'
import type { Authority, PrefixLimit } from '../../budget/authority.js'
import type { Book } from './book.js'
import type { BudgetRecord } from './budget-record.js'
import type { BudgetView } from '../../budget/enforcer.js'
import type { Credits } from '../../core/credits.js'
import type { Records } from './records.js'
import type { RevokeRequest, RevokeResult } from '../../budget/moves.js'

/** What a hold keeps of its token: a copy, whatever becomes of the caller's. */
export interface HeldAuthority {
  /** The id of the whole token. */
  readonly token: string
  readonly root: BudgetId
  readonly ceilings: readonly PrefixLimit[]
  readonly calls: readonly PrefixLimit[]
}

/** Why a token does not serve. */
export interface AuthorityRefusal {
  readonly reason: CounterRefusal['reason'] | 'revoked'
  readonly resetAt?: number
}

/** What is known of a token that was judged before. Registrations never change, and bans only come. */
interface Known {
  readonly payer: BudgetRecord
  /** The version of the revocations that did not cover it. */
  clean: number
}

/** What was counted where nothing was. */
const NOTHING = new Counters()

/** What tokens bring, held against what is registered, revoked and used up. */
export class Authorities {
  readonly #book: Book
  readonly #known = new WeakMap<Authority, Known>()
  readonly #counters: Records['counters']
  readonly #revocations: Records['revocations']

  constructor(book: Book, { counters, revocations }: Records) {
    this.#book = book
    this.#counters = counters
    this.#revocations = revocations
  }

  /** The budget that pays, where each that the token names is registered at its prefix, under the one before it. */
  payer(authority: Authority): BudgetRecord | undefined {
    const known = this.#known.get(authority)?.payer
    // One that was forgotten since may be there again as another.
    if (known !== undefined && known === this.#book.find(authority.budget)) return known
    let payer = this.#book.find(rootOf(authority))
    // One that was delegated pays for no token that begins with it.
    if (payer?.delegated !== undefined) return undefined
    for (const { budget, prefixId, parent } of authority.registrations) {
      const child = this.#book.find(budget)
      const isRegistered = child?.delegated?.terms.registration === prefixId && child.parent === payer
      if (!isRegistered || payer?.id !== budgetId(parent)) return undefined
      payer = child
    }
    if (payer?.id !== budgetId(authority.budget)) return undefined
    this.#known.set(authority, { payer, clean: -1 })
    return payer
  }

  /** Whether a budget is the token's own, or below it. */
  covers(authority: Authority, budget: BudgetRecord): boolean {
    const payer = this.payer(authority)
    return payer !== undefined && (payer === budget || isBelow(budget, payer))
  }

  isRevoked(authority: Authority): boolean {
    const revocations = this.#revocations.get(this.#book.partitionOf(authority.budget))
    const known = this.#known.get(authority)
    if (revocations === undefined || known?.clean === revocations.version) return false
    const isRevoked = revocations.covers(authority)
    if (known !== undefined && !isRevoked) known.clean = revocations.version
    return isRevoked
  }

  /** Why a token does not serve for so much. */
  refuse(authority: Authority, counted: Counted, now: number): AuthorityRefusal | undefined {
    return this.isRevoked(authority)
      ? { reason: 'revoked' }
      : this.#table(rootOf(authority)).refuse(authority, counted, now)
  }

  /** Counts what was not refused. */
  count(authority: Authority, counted: Counted, now: number): HeldAuthority {
    const root = rootOf(authority)
    this.#begun(root).count(authority, counted, now)
    const { ceilings, calls } = authority
    return { token: tokenIdOf(authority), root, ceilings: [...ceilings], calls: [...calls] }
  }

  /** What of a hold was not used is given back; what was used beyond it counts too. */
  settle({ root, ceilings, calls }: HeldAuthority, more: { readonly amount: number; readonly calls: number }): void {
    this.#begun(root).add(ceilings, more.amount)
    this.#begun(root).add(calls, more.calls)
  }

  /** The least that the token may still spend. */
  left(token: Authority | HeldAuthority): Credits {
    return this.#table(rootOf(token)).left(token.ceilings)
  }

  limits(authority: Authority): NonNullable<BudgetView['limits']> {
    const counters = this.#table(rootOf(authority))
    return { ceilings: counters.usedOf(authority.ceilings), calls: counters.usedOf(authority.calls) }
  }

  revoke(request: RevokeRequest, at: number): RevokeResult {
    const named = this.#book.find(request.budget)
    if (named === undefined) return { kind: 'refused', reason: 'unknown_budget' }
    const revocations = this.#revocations.get(named.partition) ?? new Revocations()
    if (!('issuedBefore' in request || revocations.hasRoom(at))) return { kind: 'refused', reason: 'full' }
    let root = named
    while (root.parent !== undefined) root = root.parent
    const revoked = [...subtree([root])].filter((each) => isRevokedWith(each, request, named))
    const returned = this.#book.closeAll(revoked, { op: 'close', id: request.id, at })
    revocations.ban(request)
    this.#revocations.set(named.partition, revocations)
    return { kind: 'revoked', returned }
  }

  #table(root: BudgetId): Counters {
    return this.#counters.get(root) ?? NOTHING
  }

  #begun(root: BudgetId): Counters {
    const table = this.#counters.get(root) ?? new Counters()
    this.#counters.set(root, table)
    return table
  }
}

type Prefixed = Pick<Authority, 'prefixIds'>

/** The id of the whole token, if there is one. */
export function tokenIdOf(authority: Prefixed): string
export function tokenIdOf(authority: Prefixed | undefined): string | undefined
export function tokenIdOf(authority: Prefixed | undefined): string | undefined {
  return authority === undefined ? undefined : authority.prefixIds.at(-1)
}

/** The budget that all that the token is made of begins with. */
export function rootOf(token: Authority | HeldAuthority): BudgetId {
  return 'root' in token ? token.root : budgetId(token.registrations[0]?.parent ?? token.budget)
}
