import { attachToken, type AttachOptions } from './attach-token.js'
import { isObject } from '../core/json.js'
import { assertPlain, misconfigured } from '../core/settings.js'
import { noAuth, type NoAuthOptions } from './no-auth.js'
import { secretAuth, type SecretAuthOptions } from './secret-auth.js'
import { tokenAuth } from './token-auth.js'
import type { Authorized } from '../budget/authority.js'
import type { CallMiddleware } from '../core/middleware.js'
import type { Identified } from '../budget/principal.js'
import type { TokenAuthOptions } from './options.js'

/** Settings of {@link withDelegation}. */
export type DelegationOptions = AttachOptions | NoAuthOptions | SecretAuthOptions | TokenAuthOptions

/**
 * Who pays, by a token. Which side it is on, its settings say:
 *
 * - `{ token }`, at a client: sends the token with each call, in `_meta['dev.mcp-budget/token']`; with `alias: true` in
 *   `_meta.token` too. Never verifies.
 * - `{ keys }`, at a server: verifies the macaroon that each call brings, clears its caveats for the call, and lets its
 *   budget pay, on the first line. With `enforcer` the holder may delegate, close and revoke: `budget/delegate`,
 *   `budget/close`, `budget/revoke`, and the seeds' `satgate/delegate`.
 * - `{ auth: 'config', token, budget }`, at a server: one secret, which is compared, and the budget that it stands for.
 * - `{ auth: 'none' }`, at a server: whatever token comes is ignored.
 *
 * A server's seat takes every token out of what it hands on, whatever these settings are, so that no handler is shown
 * one. Put it before `withCostProfile`.
 *
 * Refuses, before a price is looked up or a balance read: `unauthorized` (no token, or one that does not serve: always
 * the same answer), with the reason `ambiguous_credentials` for two that are not equal; `forbidden_tool` for what a good
 * token forbids. In shadow mode it refuses nothing and tells of it. Never throws for what a caller sent.
 *
 * @throws BudgetError `invalid_config`, `invalid_credits`, `invalid_budget_id`
 * @example
 * ```ts
 * wrapServer(server,
 *   withDelegation({ keys, enforcer, audiences: ['search'] }),
 *   withCostProfile({ defaultCost: 5 }),
 *   withBudget({ enforcer }),
 * )
 * wrapClient(client, withDelegation({ token }))
 * ```
 */
export function withDelegation(options: AttachOptions | NoAuthOptions): CallMiddleware
export function withDelegation(options: SecretAuthOptions): CallMiddleware<unknown, Identified>
export function withDelegation(options: TokenAuthOptions): CallMiddleware<unknown, Identified & Authorized>
export function withDelegation(options: DelegationOptions): CallMiddleware<unknown, never>
export function withDelegation(options: DelegationOptions): CallMiddleware {
  // What is no object may be a secret.
  if (!isObject(options))
    throw misconfigured('options', 'settings such as { keys } or { token }', undefined, 'something else')
  assertPlain(options, 'options')
  if (options.keys !== undefined) return tokenAuth(options)
  switch (options.auth) {
    case undefined:
      // A typing mistake in `keys` must not be taken for a client's settings.
      if (!('token' in options))
        throw misconfigured('options', 'an object with `keys` at a server, or `token` at a client', options)
      return attachToken(options)
    case 'none':
      return noAuth(options)
    case 'config':
      return secretAuth(options)
    default:
      throw misconfigured('keys', 'a KeyRing, to verify tokens by', undefined)
  }
}
