import { TokenVerifier } from 'mcp-budget/delegation'
import { describe, expect, test } from 'vitest'
import { keys, NONCE, tokenOf } from '../../support/tokens.js'
import { Random } from '../../../src/testing/random.js'

const COUNT = process.env['MCP_BUDGET_LONG'] === '1' ? 100_000 : 10_000

const TOKENS = [
  tokenOf([]),
  tokenOf(['exp=2000']),
  tokenOf(['exp=2000', 'ops=call,balance', 'depth=0', 'max=50/abcdef']),
  tokenOf(['tool=web_*,db:query_*', `budget=${NONCE}`, 'call=5', 'call=5']),
  tokenOf([`aud=${'x'.repeat(200)}`, 'deny=*delete*']),
  tokenOf(Array.from({ length: 32 }, (_, i) => `exp=${2_000 - i}`)),
]
const PREFIX = 'mcpb_'
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n\u00e9\u0141'

const bytesIn = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.slice(PREFIX.length), 'base64url'))
const textOf = (bytes: Uint8Array): string => PREFIX + Buffer.from(bytes).toString('base64url')
const spliced = (bytes: Uint8Array, at: number, gone: number, ...come: number[]): Uint8Array =>
  Uint8Array.from([...bytes.slice(0, at), ...come, ...bytes.slice(at + gone)])

/** Ways to make another text of a token, by name. */
const MUTATIONS: Readonly<Record<string, (text: string, random: Random) => string>> = {
  'a bit flipped': (text, random) => {
    const bytes = bytesIn(text)
    bytes[random.int(bytes.length)]! ^= 1 << random.int(8)
    return textOf(bytes)
  },
  'a byte changed': (text, random) => {
    const bytes = bytesIn(text)
    return textOf(spliced(bytes, random.int(bytes.length), 1, random.int(256)))
  },
  'a byte more': (text, random) => {
    const bytes = bytesIn(text)
    return textOf(spliced(bytes, random.int(bytes.length + 1), 0, random.int(256)))
  },
  'some bytes fewer': (text, random) => {
    const bytes = bytesIn(text)
    return textOf(spliced(bytes, random.int(bytes.length), 1 + random.int(40)))
  },
  'cut off': (text, random) => text.slice(0, random.int(text.length)),
  'a character changed': (text, random) => {
    const at = random.int(text.length)
    return text.slice(0, at) + random.pick([...ALPHABET]) + text.slice(at + 1)
  },
  'a character more': (text, random) => {
    const at = random.int(text.length + 1)
    return text.slice(0, at) + random.pick([...ALPHABET]) + text.slice(at)
  },
  'in another alphabet': (text) => PREFIX + bufferOf(text).toString('base64').replaceAll('=', ''),
  'with padding': (text) => PREFIX + bufferOf(text).toString('base64'),
  'in hex': (text) => PREFIX + bufferOf(text).toString('hex'),
  'with bits left over': (text) => text.slice(0, -1) + ALPHABET[(ALPHABET.indexOf(text.at(-1)!) ^ 1) & 63]!,
  'in upper case': (text) => text.toUpperCase(),
  'a length in too many groups': (text, random) => {
    const bytes = bytesIn(text)
    // The lengths of the identifier, of a caveat, or whatever stands there.
    const at = random.chance(0.5) ? 2 : random.int(bytes.length)
    return textOf(spliced(bytes, at, 1, (bytes[at] ?? 0) | 128, ...Array<number>(random.int(4)).fill(128), 0))
  },
  'a packet more': (text, random) => {
    const bytes = bytesIn(text)
    const data = Array.from({ length: random.int(6) }, () => random.int(256))
    const at = random.chance(0.5) ? 1 : random.int(bytes.length + 1)
    return textOf(spliced(bytes, at, 0, random.int(8), data.length, ...data))
  },
  'a caveat appended without its MAC': (text) => {
    const bytes = bytesIn(text)
    return textOf(spliced(bytes, bytes.length - 35, 0, 2, 6, ...Buffer.from('call=9'), 0))
  },
  'a piece of another token': (text, random) => {
    const [bytes, other] = [bytesIn(text), bytesIn(random.pick(TOKENS))]
    const at = random.int(bytes.length)
    return textOf(spliced(bytes, at, 1 + random.int(40), ...other.slice(at, at + random.int(40))))
  },
  'another end': (text, random) => {
    const bytes = bytesIn(text)
    return textOf(spliced(bytes, bytes.length - 32, 32, ...bytesIn(random.pick(TOKENS)).slice(-32)))
  },
  'as JSON': (text) => {
    const s64 = Buffer.from(bytesIn(text).slice(-32)).toString('base64url')
    return JSON.stringify({ v: 2, i: `b1.k1.acme.agent-1.1000.${NONCE}`, c: [], s64 })
  },
  'as JSON in base64url': (text) => textOf(Buffer.from(MUTATIONS['as JSON']!(text, new Random(0)))),
  twice: (text) => text + text,
  'two in one': (text) => textOf(Uint8Array.from([...bytesIn(text), ...bytesIn(text)])),
  'no prefix': (text) => text.slice(PREFIX.length),
}

function bufferOf(text: string): Buffer {
  return Buffer.from(bytesIn(text))
}

describe('a text made of a token', () => {
  const gateway = new TokenVerifier({ keys, strictLocation: true })
  for (const text of TOKENS) void gateway.verify(text)
  const names = Object.keys(MUTATIONS)

  test.each(names)('%s is no token, or it is that token or another that was signed [T05, T06, I21]', (name) => {
    const random = new Random(names.indexOf(name))
    let others = 0
    for (let i = 0; i < COUNT / names.length; i++) {
      let text = random.pick(TOKENS)
      for (let rounds = random.chance(0.8) ? 1 : 3; rounds > 0; rounds--) text = MUTATIONS[name]!(text, random)
      const answer = gateway.verify(text)
      if (TOKENS.includes(text)) expect(answer).toMatchObject({ kind: 'verified' })
      else {
        others++
        if (!('reason' in answer) || answer.reason !== 'invalid_token') {
          throw new Error(`${JSON.stringify(text)} is ${JSON.stringify(answer)}`)
        }
      }
    }
    expect(others).toBeGreaterThan(0)
  })

  test('are verified as they are', () => {
    for (const text of TOKENS) expect(gateway.verify(text)).toMatchObject({ kind: 'verified' })
    expect(gateway.size.tokens).toBe(TOKENS.length)
  })
})
