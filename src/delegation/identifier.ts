import { textOf } from './bytes.js'

/**
 * What a token says of itself: its only positive claims, proved by the MAC.
 *
 * @property kid which master key
 * @property tenant whose budgets
 * @property budget the name of the root budget, without the tenant
 * @property issuedAt seconds since 1970
 * @property nonce 128 random bits, so that no two tokens that were minted are alike
 */
export interface TokenIdentifier {
  readonly kid: string
  readonly tenant: string
  readonly budget: string
  readonly issuedAt: number
  readonly nonce: string
}

/** How a key id is written. */
export const KID = /^[A-Za-z0-9_-]{1,32}$/

const IDENTIFIER =
  /^b1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,64})\.(0|[1-9][0-9]{0,15})\.([A-Za-z0-9_-]{22})$/

/** The identifier as text: `b1.<kid>.<tenant>.<budget>.<issuedAt>.<nonce>`. */
export function writeIdentifier({ kid, tenant, budget, issuedAt, nonce }: TokenIdentifier): string {
  return `b1.${kid}.${tenant}.${budget}.${issuedAt}.${nonce}`
}

/** Reads an identifier; `undefined` when it is none of ours. */
export function readIdentifier(bytes: Uint8Array): TokenIdentifier | undefined {
  const [, kid, tenant, budget, seconds, nonce] = IDENTIFIER.exec(textOf(bytes)) ?? []
  const issuedAt = Number(seconds)
  if (kid === undefined || tenant === undefined || budget === undefined || nonce === undefined) return undefined
  return Number.isSafeInteger(issuedAt) ? { kid, tenant, budget, issuedAt, nonce } : undefined
}
