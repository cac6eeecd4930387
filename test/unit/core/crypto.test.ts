import { createHash, createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crypto as node } from '../../../src/core/crypto/node.js'
import { crypto as web } from '../../../src/core/crypto/web.js'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytes = (minLength: number) => fc.uint8Array({ minLength, maxLength: 200 })

describe.each([
  ['node:crypto', node],
  ['WebCrypto', web],
])('the crypto port on %s', (_, port) => {
  test('gives HMAC-SHA256 of bytes, whatever the length of the key', async () => {
    await fc.assert(
      fc.asyncProperty(bytes(1), bytes(0), async (key, data) => {
        const wanted = createHmac('sha256', key).update(data).digest('hex')
        expect(hex(await port.hmacSha256(key, data))).toBe(wanted)
      }),
    )
  })

  test('gives SHA-256 of bytes, and of text as UTF-8', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
        const wanted = createHash('sha256').update(text).digest('hex')
        expect(hex(await port.sha256(text))).toBe(wanted)
        expect(hex(await port.sha256(new TextEncoder().encode(text)))).toBe(wanted)
      }),
    )
  })
})

test('node:crypto answers at once, and WebCrypto later', () => {
  const key = Uint8Array.of(1)
  expect([node.sha256(key), node.hmacSha256(key, key)].every((answer) => answer instanceof Uint8Array)).toBe(true)
  expect([web.sha256(key), web.hmacSha256(key, key)].every((answer) => answer instanceof Promise)).toBe(true)
})

test('a Node that loads no module in the middle of a call answers as a browser does', async () => {
  const [key, data] = [Uint8Array.of(1), Uint8Array.of(2)]
  const { getBuiltinModule } = process
  Object.assign(process, { getBuiltinModule: undefined })
  try {
    const answer = node.hmacSha256(key, data)
    expect(answer).toBeInstanceOf(Promise)
    expect(hex(await answer)).toBe(createHmac('sha256', key).update(data).digest('hex'))
  } finally {
    Object.assign(process, { getBuiltinModule })
  }
})
