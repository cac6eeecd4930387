import { BudgetError } from '../core/errors.js'
import { chainHash, chainStart, hashText, MARK_LENGTH } from './chain.js'
import type { ChainName, Seal } from '../ledger/seal.js'
import type { NumberedRecord } from '../ledger/ledger.js'

/**
 * The seal of the records that follow the last one that is sealed, in their order.
 *
 * @param head the last seal of the chain; `undefined` where there is none
 * @throws BudgetError `invalid_store` where one is missing
 */
export function sealRecords(
  { partition, kind }: ChainName,
  head: Pick<Seal, 'seq' | 'hash'> | undefined,
  records: readonly NumberedRecord[],
  at: number,
): Seal {
  const after = head?.seq ?? 0
  let hash = head === undefined ? chainStart({ partition, kind }) : Buffer.from(head.hash, 'base64url')
  let marks = ''
  for (const [i, { seq, record }] of records.entries()) {
    if (seq !== after + 1 + i) throw missing(kind, after + 1 + i, seq)
    hash = chainHash(hash, record, seq)
    marks += hashText(hash).slice(0, MARK_LENGTH)
  }
  return { partition, kind, after, seq: after + records.length, hash: hashText(hash), marks, at }
}

function missing(kind: string, expected: number, got: number): BudgetError {
  const message = `Expected record ${expected} of ${kind} after the last that is sealed, got ${got}; run \`verifyLedger\``
  return new BudgetError({ code: 'invalid_store', message })
}
