import type { Credits } from '../core/credits.js'
import type { JsonObject } from '../core/json.js'

/** What a token may be used for. */
export type TokenOp = 'call' | 'balance' | 'delegate' | 'transfer' | 'close' | 'revoke'

/** All of {@link TokenOp}. */
export const TOKEN_OPS: readonly TokenOp[] = ['call', 'balance', 'delegate', 'transfer', 'close', 'revoke']

/**
 * What a token is held against. Whatever is not known is left out, and then a caveat that asks for it does not hold.
 *
 * @property op what is to be done; caveats about tools, arguments and cost judge a `call` only
 * @property now milliseconds since 1970, of the machine's clock
 * @property skewMs by how much that clock may be wrong: 30,000 by default, 300,000 at most
 * @property tool the name as the client sees it
 * @property server which server the call goes to, as the seat's owner named it
 * @property args the arguments as they came
 * @property cost what is held for the call
 * @property tenant whom the caller was authenticated as, apart from the token; another tenant's token is refused
 * @property audiences what this gateway is called
 * @property operationId the id of the logical work that the call belongs to
 * @property sessionHash SHA-256 of the session's id, 43 characters of base64url
 * @property keyHash SHA-256 of the key that the caller has proved to have, 43 characters of base64url
 */
export interface ClearRequest {
  readonly op: TokenOp
  readonly now: number
  readonly skewMs?: number | undefined
  readonly tool?: string | undefined
  readonly server?: string | undefined
  readonly args?: JsonObject | undefined
  readonly cost?: Credits | undefined
  readonly tenant?: string | undefined
  readonly audiences?: readonly string[] | undefined
  readonly operationId?: string | undefined
  readonly sessionHash?: string | undefined
  readonly keyHash?: string | undefined
}

/** By how many milliseconds the clock may be wrong. */
export function skewOf({ skewMs = 30_000 }: ClearRequest): number {
  return Math.min(skewMs, 300_000)
}
