import { createHash } from 'node:crypto'
import { canonicalJson } from '../core/json.js'
import type { LedgerRecord } from '../ledger/entry.js'
import type { ChainName } from '../ledger/seal.js'

const DOMAIN = 'mcp-budget-ledger-v1\n'

/** So many characters of a hash are its mark. */
export const MARK_LENGTH = 11

/** What the first record of a chain follows: SHA-256 of the domain and the canonical JSON of the chain's name. */
export function chainStart({ partition, kind }: ChainName): Buffer {
  return sha256(DOMAIN, canonicalJson({ kind, partition }))
}

/**
 * The hash of a record: SHA-256 of the domain, the hash before it (32 bytes), and the canonical JSON (RFC 8785) of the
 * record with its number.
 *
 * @throws BudgetError `invalid_request`, `too_large` for a record that is no JSON
 */
export function chainHash(previous: Uint8Array, record: LedgerRecord, seq: number): Buffer {
  return sha256(DOMAIN, previous, canonicalJson({ ...record, seq }))
}

/** A hash as text: 43 characters of base64url. */
export function hashText(hash: Buffer): string {
  return hash.toString('base64url')
}

/** The one name of a chain, as a key. */
export function chainKey({ partition, kind }: ChainName): string {
  return `${kind} ${partition}`
}

/** SHA-256 of several parts, one after the other. */
export function sha256(...parts: ReadonlyArray<string | Uint8Array>): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
