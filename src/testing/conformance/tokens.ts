import { expectMatch } from './check.js'
import type { Authority, PrefixLimit, Rate } from '../../budget/authority.js'
import type { DelegatingEnforcer, HoldRequest, TransferRequest } from '../../budget/enforcer.js'
import type { NewBudget, Revoked } from '../../budget/moves.js'
import type { Subject } from './subject.js'

/** What a function takes after the subject. */
type Rest<Made extends (c: Subject, ...terms: never[]) => unknown> =
  Parameters<Made> extends [unknown, ...infer Terms] ? Terms : never

type Limits = Partial<Pick<Authority, 'ceilings' | 'calls' | 'rates'>>

/** The token that was minted on `main`, with nothing in it. Prefixes are named by what stands at their end. */
export const ROOT: Authority = {
  tenant: 'default',
  budget: 'default/main',
  registrations: [],
  prefixIds: ['root'],
  nonce: 'nonce',
  issuedAt: 1_000,
  ceilings: [],
  calls: [],
  rates: [],
}

/** A token with one more caveat; `limits` are those of the caveat. */
export function narrowed(token: Authority, name: string, limits: Limits = {}): Authority {
  return {
    ...token,
    prefixIds: [...token.prefixIds, `${(token.prefixIds.at(-1) ?? '').slice(-40)} ${name}`],
    ceilings: [...token.ceilings, ...(limits.ceilings ?? [])],
    calls: [...token.calls, ...(limits.calls ?? [])],
    rates: [...token.rates, ...(limits.rates ?? [])],
  }
}

/** A token with a `max`, counted under `name`. */
export function withMax(token: Authority, name: string, limit: number): Authority {
  return narrowed(token, name, { ceilings: [limitOf(name, limit)] })
}

/** A token with a `calls`, counted under `name`. */
export function withCalls(token: Authority, name: string, limit: number): Authority {
  return narrowed(token, name, { calls: [limitOf(name, limit)] })
}

/** A token with a `rate`, counted under `name`. */
export function withRate(token: Authority, name: string, rate: Rate): Authority {
  return narrowed(token, name, { rates: [{ prefixId: name, ...rate }] })
}

/** The token of a child, as a server makes it of its parent's. */
export function childOf(token: Authority, name: string): Authority {
  const { prefixIds } = narrowed(token, `budget=${name}`)
  const budget = `default/${name}`
  const registration = { prefixId: prefixIds.at(-1) as string, budget, parent: token.budget }
  return { ...token, budget, prefixIds, registrations: [...token.registrations, registration], ceilings: [] }
}

/** A delegation of `amount` to `name`; with a child's token it must succeed. */
export function delegation(
  c: Subject,
  token: Authority,
  name: string,
  amount: number,
  terms: Omit<NewBudget, 'registration'> = {},
): TransferRequest {
  const create = { registration: childOf(token, name).prefixIds.at(-1) as string, ...terms }
  return { id: c.id(), from: token.budget, to: name, amount, create, authority: token }
}

/** Delegates, which must succeed, and answers with the child's token. */
export async function delegate(c: Subject, ...terms: Rest<typeof delegation>): Promise<Authority> {
  const [token, name] = terms
  expectMatch(await c.store.transfer(delegation(c, ...terms)), { kind: 'moved' }, `delegating to ${name}`)
  return childOf(token, name)
}

/** A hold by a token, on its budget. */
export function holdBy(c: Subject, authority: Authority, amount: number, more: Partial<HoldRequest> = {}): HoldRequest {
  return c.holdRequest(amount, { lines: [{ budget: authority.budget, amount }], authority, ...more })
}

/** Expects a hold by a token to be placed, and gives its request. */
export async function expectHeld(c: Subject, ...terms: Rest<typeof holdBy>): Promise<HoldRequest> {
  const request = holdBy(c, ...terms)
  expectMatch(await c.store.hold(request), { kind: 'held', holdId: request.id }, `a hold of ${terms[1]}`)
  return request
}

/** Expects a hold by a token to be refused, and to change nothing. */
export async function expectRefused(c: Subject, reason: string, ...terms: Rest<typeof holdBy>): Promise<void> {
  await c.expectUnchanged(`a hold of ${terms[1]}`, async () => {
    const answer = await c.store.hold(holdBy(c, ...terms))
    expectMatch(answer, { kind: 'refused', reason }, `a hold of ${terms[1]} by ${terms[0].prefixIds.at(-1)}`)
  })
}

/** Revokes, which must succeed. */
export async function revoke(c: Subject, request: Revoked & { readonly budget: string }): Promise<void> {
  const full = { id: c.id(), ...request }
  expectMatch(await (c.store as DelegatingEnforcer).revoke(full), { kind: 'revoked' }, 'revoke')
}

function limitOf(prefixId: string, limit: number): PrefixLimit {
  return { prefixId, limit }
}
