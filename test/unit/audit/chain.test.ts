import { createHash, createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { chainHash, chainStart, hashText } from '../../../src/audit/chain.js'
import { checkpointHash, publicKey, type Checkpoint } from 'mcp-budget/audit'
import { isSignedBy } from '../../../src/audit/checkpoint.js'
import { sealRecords } from '../../../src/audit/seal-records.js'
import type { LedgerRecord } from 'mcp-budget'
import type { ChainKind } from 'mcp-budget/audit'

interface Vectors {
  readonly chains: ReadonlyArray<{
    readonly partition: string
    readonly kind: ChainKind
    readonly start: string
    readonly records: ReadonlyArray<{
      readonly record: LedgerRecord
      readonly canonical: string
      readonly hash: string
    }>
    readonly seal: { readonly hash: string; readonly marks: string }
  }>
  readonly publicPem: string
  readonly key: string
  readonly checkpoints: ReadonlyArray<{
    readonly checkpoint: Checkpoint
    readonly canonical: string
    readonly hash: string
  }>
}

const vectors = JSON.parse(readFileSync('test/vectors/ledger-integrity.json', 'utf8')) as Vectors
const text = (bytes: Buffer): string => bytes.toString('base64url')

describe('the vectors of ledger integrity', () => {
  test.each(vectors.chains)('have each hash of $kind in $partition, by these sources [T40]', (chain) => {
    expect(hashText(chainStart(chain))).toBe(chain.start)
    let hash = chainStart(chain)
    for (const [i, each] of chain.records.entries()) {
      hash = chainHash(hash, each.record, i + 1)
      expect(hashText(hash)).toBe(each.hash)
    }
    const numbered = chain.records.map(({ record }, i) => ({ seq: i + 1, record }))
    expect(sealRecords(chain, undefined, numbered, 0)).toMatchObject(chain.seal)
  })

  test.each(vectors.chains)('have each hash of $kind in $partition, by the words of the page alone [T40]', (chain) => {
    const domain = 'mcp-budget-ledger-v1\n'
    const hashed = (...parts: Array<string | Buffer>): Buffer =>
      createHash('sha256')
        .update(Buffer.concat(parts.map((part) => Buffer.from(part as string))))
        .digest()
    let hash = hashed(domain, `{"kind":${JSON.stringify(chain.kind)},"partition":${JSON.stringify(chain.partition)}}`)
    expect(text(hash)).toBe(chain.start)
    for (const { canonical, hash: expected } of chain.records) {
      hash = hashed(domain, hash, canonical)
      expect(text(hash)).toBe(expected)
    }
    expect(chain.seal.marks).toBe(chain.records.map((each) => each.hash.slice(0, 11)).join(''))
  })

  test('have each checkpoint, signed and named as the page says [T40]', () => {
    const key = publicKey(vectors.publicPem)
    expect(key.id).toBe(vectors.key)
    const der = createPublicKey(vectors.publicPem).export({ format: 'der', type: 'spki' })
    expect(text(createHash('sha256').update(der).digest()).slice(0, 22)).toBe(vectors.key)
    let previous: string | null = null
    for (const { checkpoint, canonical, hash } of vectors.checkpoints) {
      expect(isSignedBy(checkpoint, key)).toBe(true)
      expect(checkpointHash(checkpoint)).toBe(hash)
      const signed = Buffer.from(`mcp-budget-checkpoint-v1\n${canonical}`)
      expect(verify(null, signed, vectors.publicPem, Buffer.from(checkpoint.signature, 'base64url'))).toBe(true)
      expect(text(createHash('sha256').update(signed).digest())).toBe(hash)
      expect(checkpoint.previous).toBe(previous)
      previous = hash
    }
  })
})

describe('a hash of a record', () => {
  const [money] = vectors.chains
  const first = money!.records[0]!.record
  const start = chainStart(money!)

  test('is the same whatever the order of its keys, and with or without what is undefined', () => {
    const turned = Object.fromEntries(
      Object.entries({ ...first, tool: undefined }).reverse(),
    ) as unknown as LedgerRecord
    expect(hashText(chainHash(start, turned, 1))).toBe(hashText(chainHash(start, { ...first }, 1)))
  })

  test('is another for another number, chain, or previous record [T40]', () => {
    const hashes = [
      chainHash(start, first, 1),
      chainHash(start, first, 2),
      chainHash(chainStart({ partition: 'other', kind: 'money' }), first, 1),
      chainHash(chainStart({ partition: money!.partition, kind: 'call' }), first, 1),
    ]
    expect(new Set(hashes.map(hashText)).size).toBe(4)
  })

  test('a record that is missing is not sealed over', () => {
    expect(() => sealRecords(money!, undefined, [{ seq: 2, record: first }], 0)).toThrow(
      expect.objectContaining({ code: 'invalid_store' }),
    )
  })
})
