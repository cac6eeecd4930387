import type { MaybePromise } from '../core/maybe-promise.js'

/** What is numbered by itself in a partition: money entries, and call records. */
export type ChainKind = 'money' | 'call'

/** One chain of hashes: the records of one kind in one partition. */
export interface ChainName {
  readonly partition: string
  readonly kind: ChainKind
}

/**
 * What a sealer wrote of some records that follow one another: a link of their chain. See
 * docs/reference/ledger-integrity.md.
 *
 * @property after the number of the last record before them; a chain has one seal after each, so that no two sealers fork it
 * @property seq the number of the last of them
 * @property hash the hash of that one, 43 characters (base64url)
 * @property marks the first 11 characters of the hash of each, one after the other: they tell which record was changed
 * @property at when it was sealed, milliseconds since 1970
 */
export interface Seal extends ChainName {
  readonly after: number
  readonly seq: number
  readonly hash: string
  readonly marks: string
  readonly at: number
}

/** Where seals are kept: beside the ledger, by a store with a database. */
export interface SealStore {
  /** Adds a seal; `false` where there is one after the same record already. One atomic step. */
  add(seal: Seal): MaybePromise<boolean>
  /** The seals of a chain that end after a record, in order, so many at most. */
  read(of: ChainName & { readonly after: number; readonly limit: number }): MaybePromise<readonly Seal[]>
  /** The last seal of each chain. */
  heads(): MaybePromise<readonly Seal[]>
  /** Which chains have records that are not sealed yet. Without it all are looked at. */
  behind?(): MaybePromise<readonly ChainName[]>
}
