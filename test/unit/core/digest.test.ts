import { createHash } from 'node:crypto'
import { callDigest } from 'mcp-budget'
import { describe, expect, test } from 'vitest'
import { crypto as web } from '../../../src/core/crypto/web.js'
import { crypto as node } from '../../../src/core/crypto/node.js'

const digest = (tool: string, args?: Record<string, unknown>): string => callDigest({ tool, args }) as string

describe('the digest of a call', () => {
  test('is the same on a Node that loads no module in the middle of a call, by promise', async () => {
    const known = digest('search', { q: 'x' })
    const { getBuiltinModule } = process
    Object.assign(process, { getBuiltinModule: undefined })
    try {
      const later = callDigest({ tool: 'search', args: { q: 'x' } })
      expect(later).toBeInstanceOf(Promise)
      expect(await later).toBe(known)
    } finally {
      Object.assign(process, { getBuiltinModule })
    }
  })

  test('is SHA-256 over the canonical JSON of its name and arguments [L-S12]', () => {
    const text = '{"arguments":{"a":[1,2],"b":"x"},"name":"search"}'
    expect(digest('search', { b: 'x', a: [1, 2] })).toBe(createHash('sha256').update(text).digest('hex'))
  })

  test('is blind to order of keys, absent arguments, id and _meta [L-S12]', () => {
    const call = { kind: 'call', id: 'one', meta: { progressToken: 1 }, tool: 't', args: { a: 1, b: 2 } }
    const again = { kind: 'call', id: 'two', meta: { token: 'x' }, tool: 't', args: { b: 2, a: 1 } }
    expect(callDigest(again)).toBe(callDigest(call))
    expect(digest('t')).toBe(digest('t', {}))
  })

  test('tells calls apart that a concatenation would not [L-S11]', () => {
    const digests = [
      digest('a', { b: 'c' }),
      digest('ab', { c: '' }),
      digest('a', { bc: '' }),
      digest('a', { b: ['c'] }),
      digest('a', { b: 1 }),
      digest('a', { b: '1' }),
      digest('A', { b: 'c' }),
    ]
    expect(new Set(digests).size).toBe(digests.length)
  })

  test('is refused where the arguments are no JSON or beyond its limits [T21]', () => {
    let deep: Record<string, unknown> = {}
    for (let i = 0; i < 100; i++) deep = { deep }
    expect(() => digest('t', deep)).toThrow(/nesting deeper than 64/)
    expect(() => digest('t', { a: 1n })).toThrow(/JSON data/)
  })

  test('is the same with WebCrypto, which answers later', async () => {
    for (const text of ['', 'abc', 'ö€😀', 'x'.repeat(10_000)]) {
      expect(Buffer.from(await web.sha256(text)).toString('hex')).toBe(
        Buffer.from(await node.sha256(text)).toString('hex'),
      )
    }
  })
})
