import { crypto } from '#crypto'
import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { bytesOf } from './bytes.js'
import { caveatKinds } from './caveats/kinds.js'
import { decodeToken, encodeToken } from './codec.js'
import { exp as expKind } from './caveats/exp.js'
import { macChain, prefixId } from './mac-chain.js'
import { toBase64url } from './base64url.js'
import { tokenLimits } from './limits.js'
import { writeCaveats, type Caveats, type MakeNonce } from './caveat-list.js'
import type { Identity } from './token-gate.js'
import type { TokenAuthSettings } from './options.js'

/**
 * A token on a budget that does not exist yet.
 *
 * @property name of the budget, in the tenant of the token that asks
 * @property registration the id of the prefix that ends with its `budget` caveat
 * @property exp when it ends, seconds since 1970; never, where neither it nor its parent says so
 */
export interface ChildToken {
  readonly text: string
  readonly tokenId: string
  readonly name: string
  readonly registration: string
  readonly exp: number | undefined
}

/** What a child may do where nothing is said: it cannot delegate in turn. */
const DEFAULT_OPS = ['call', 'balance'] as const

/**
 * Makes the token of a child: that of its parent with one more `budget`, the earlier of the two ends, and what narrows
 * it. Where the request has a key, everything in it that is random elsewhere is made of the key, so that the same
 * request gives the same token. `undefined` for one beyond the limits.
 *
 * @param seed 32 bytes that are this request's alone
 * @throws BudgetError `invalid_config` for caveats that would make it useless
 */
export function childToken(
  { text, bare, token }: Identity,
  seed: Uint8Array,
  { exp: asked, ops = DEFAULT_OPS, ...more }: Caveats,
  { verifier: { limits, kinds, keys: _ } }: Pick<TokenAuthSettings, 'verifier'>,
): MaybePromise<ChildToken | undefined> {
  const within = tokenLimits(limits)
  const raw = decodeToken(text, { limits: within, bare })
  if (raw === undefined) return undefined
  const name = toBase64url(seed.subarray(0, 16))
  const ends = token.caveats.filter(({ kind }) => kind === expKind).map(({ value }) => value as number)
  const exp = Math.min(...ends, asked ?? Infinity)
  const written = [
    `budget=${name}`,
    ...writeCaveats({ ...(asked !== undefined && { exp }), ops, ...more }, caveatKinds(kinds), nonces(seed)),
  ].map(bytesOf)
  return andThen(macChain(raw.signature, written), (signatures) => {
    const [first, last] = [signatures[0] as Uint8Array, signatures.at(-1) as Uint8Array]
    const made = encodeToken({ ...raw, caveats: [...raw.caveats, ...written], signature: last })
    if (decodeToken(made, { limits: within }) === undefined) return undefined
    return andThen(prefixId(raw.identifier, first), (registration) =>
      andThen(prefixId(raw.identifier, last), (tokenId) => {
        return { text: made, tokenId, name, registration, exp: exp === Infinity ? undefined : exp }
      }),
    )
  })
}

/** 32 bytes of a key of the caller's, which only this gateway can make; random where there is none. */
export function requestSeed(
  { token }: Pick<Identity, 'token'>,
  key: string | undefined,
  what: string,
  { verifier: { keys } }: Pick<TokenAuthSettings, 'verifier'>,
): MaybePromise<Uint8Array> {
  if (key === undefined) return globalThis.crypto.getRandomValues(new Uint8Array(32))
  return andThen(keys.keysOf(token.kid, token.tenant), ({ root }) =>
    crypto.hmacSha256(root, bytesOf(`${what}:${token.tokenId}:${key}`)),
  )
}

// What follows the name: 16 bytes of the seed are left, and each nonce takes twelve characters of its own alphabet.
function nonces(seed: Uint8Array): MakeNonce {
  const tail = toBase64url(seed.subarray(16, 24))
  return (key) => `${key.charAt(0)}${tail}`
}
