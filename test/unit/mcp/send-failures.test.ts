import { SdkHttpError, UnauthorizedError as UnauthorizedV2 } from '@modelcontextprotocol/client'
import { UnauthorizedError as UnauthorizedV1 } from '@modelcontextprotocol/sdk/client/auth.js'
import { StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js'
import { settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { call, resultOf, seatOn } from '../../support/seat.js'

const WHOLE = { available: 100, held: 0, spent: 0, debt: 0 }
const KEPT = { available: 95, held: 5, spent: 0, debt: 0 }
const CHARGED = { available: 95, held: 0, spent: 5, debt: 0 }

const coded = (code: unknown, more: object = {}): Error => Object.assign(new Error('no'), { code, ...more })
const fetchFailed = (cause: unknown): Error => new TypeError('fetch failed', { cause })
const httpV2 = (status: number): Error => new SdkHttpError('CLIENT_HTTP_NOT_IMPLEMENTED' as never, 'no', { status })
const thrownBy = (action: () => unknown): Error => {
  try {
    action()
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not throw')
}
const ring: Record<string, unknown> = {}
ring.self = ring

describe('a send that fails with', () => {
  const notSent: ReadonlyArray<readonly [string, unknown]> = [
    ['a refused connection', coded('ECONNREFUSED')],
    ['a refused connection inside of a failed fetch', fetchFailed(coded('ECONNREFUSED'))],
    [
      'refused connections to all addresses',
      fetchFailed(Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })),
    ],
    ['a name that is not found', fetchFailed(coded('ENOTFOUND'))],
    ['a resolver that is busy', fetchFailed(coded('EAI_AGAIN'))],
    ['an unreachable host', fetchFailed(coded('EHOSTUNREACH'))],
    ['a connection that was not made in time', fetchFailed(coded('UND_ERR_CONNECT_TIMEOUT'))],
    ...[400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429].flatMap((status) => [
      [`HTTP ${status}, as v1 tells it`, new StreamableHTTPError(status, 'no')] as const,
      [`HTTP ${status}, as v2 tells it`, httpV2(status)] as const,
      [`HTTP ${status}, as others tell it`, Object.assign(new Error('no'), { status })] as const,
    ]),
    ['no authorization, in v1', new UnauthorizedV1('no')],
    ['no authorization, in v2', new UnauthorizedV2('no')],
  ]
  test.each(notSent)('%s is given back: nothing ran [L-S10, L-P4, I17]', async (_, error) => {
    for (const store of ['at once', 'later'] as const) {
      const { transport, wire, balance, records } = seatOn({ store })
      wire.onsend = () => Promise.reject(error)
      await expect(transport.send(call(1))).rejects.toBe(error)
      await settle()
      expect(balance()).toEqual(WHOLE)
      expect(records()).toMatchObject([{ outcome: 'lost', proves: 'not-run', charge: { end: 'released' } }])
    }
  })

  const unknown: ReadonlyArray<readonly [string, unknown]> = [
    ['a reset connection', coded('ECONNRESET')],
    ['a broken pipe', coded('EPIPE')],
    ['a connection that was reset in a fetch', fetchFailed(coded('ECONNRESET'))],
    ['a socket that closed in a fetch', fetchFailed(coded('UND_ERR_SOCKET'))],
    ['headers that did not come', fetchFailed(coded('UND_ERR_HEADERS_TIMEOUT'))],
    ['a fetch that failed in a browser, which says no more', new TypeError('Failed to fetch')],
    ['a fetch that failed in Safari', new TypeError('Load failed')],
    ['a body that was cut off', new TypeError('terminated', { cause: coded('UND_ERR_SOCKET') })],
    ['a socket that hung up', new Error('socket hang up')],
    ['an answer that is no JSON', thrownBy(() => JSON.parse('<html>'))],
    ...[500, 502, 503, 504, 408, 499, 200, 302].flatMap((status) => [
      [`HTTP ${status}, as v1 tells it`, new StreamableHTTPError(status, 'no')] as const,
      [`HTTP ${status}, as v2 tells it`, httpV2(status)] as const,
    ]),
    ['an unexpected content type', new StreamableHTTPError(-1, 'no')],
    ['a closed connection, as v1 tells it', new McpError(ErrorCode.ConnectionClosed, 'no')],
    ['a timeout, as v1 tells it', new McpError(ErrorCode.RequestTimeout, 'no')],
    ['a timeout of a signal', new DOMException('no', 'TimeoutError')],
    ['a code that is a text of digits', coded('404')],
    ['a text', 'down'],
    ['nothing', undefined],
    ['null', null],
    ['a number', 404],
    ['an error with itself as its cause', Object.assign(coded('x'), { cause: undefined })],
  ]
  test.each(unknown)('%s keeps the hold: nobody knows what ran [I6, L-P4, I17]', async (_, error) => {
    const { transport, wire, balance, clock } = seatOn()
    wire.onsend = () => Promise.reject(error)
    await transport.send(call(1)).catch(() => {})
    expect(balance()).toEqual(KEPT)
    clock.advance(120_000)
    expect(balance()).toEqual(CHARGED)
  })

  test('an abort is a cancellation, and is charged [L-P3]', async () => {
    const { transport, wire, balance } = seatOn()
    wire.onsend = () => Promise.reject(new DOMException('aborted', 'AbortError'))
    await transport.send(call(1)).catch(() => {})
    expect(balance()).toEqual(CHARGED)
  })

  test('a cause that is its own cause does not hang [I21]', async () => {
    const error = new Error('no')
    error.cause = error
    const { transport, wire, balance } = seatOn()
    wire.onsend = () => Promise.reject(error)
    await transport.send(call(1)).catch(() => {})
    expect(balance()).toEqual(KEPT)
  })
})

describe('a message that cannot be written', () => {
  let deep: unknown = 'leaf'
  for (let i = 0; i < 200_000; i++) deep = [deep]
  test.each([
    ['nested 200,000 deep', { deep }],
    ['that contains itself', ring],
    ['with a bigint', { n: 1n }],
  ])('%s is given back, and the process goes on [T21, I21]', async (_, args) => {
    for (const store of ['at once', 'later'] as const) {
      for (const thrown of [false, true]) {
        const { transport, wire, balance } = seatOn({ store })
        wire.onsend = (message) => {
          if (thrown) return void JSON.stringify(message)
          return (async () => void JSON.stringify(message))()
        }
        await expect((async () => transport.send(call(1, 'search', { arguments: args })))()).rejects.toThrow()
        await settle()
        expect(balance()).toEqual(WHOLE)
        wire.onsend = () => {}
        await transport.send(call(2))
        expect(balance()).toMatchObject({ held: 5 })
      }
    }
  })
})

describe('a send that throws at once', () => {
  test('throws on, and the hold ends by what that proves', async () => {
    for (const [error, after] of [
      [coded('ECONNREFUSED'), WHOLE],
      [coded('EPIPE'), KEPT],
    ] as const) {
      const { transport, wire, balance } = seatOn()
      wire.onsend = () => {
        throw error
      }
      await expect((async () => transport.send(call(1)))()).rejects.toBe(error)
      expect(balance()).toEqual(after)
    }
  })
})

describe('a send that fails', () => {
  test('after the answer has come changes nothing [I4]', async () => {
    const { transport, wire, balance, received } = seatOn()
    wire.onsend = async () => {
      wire.receive(resultOf(1))
      throw coded('ECONNREFUSED')
    }
    await transport.send(call(1)).catch(() => {})
    expect(balance()).toEqual(CHARGED)
    expect(received).toEqual([resultOf(1)])
  })

  test('before the answer comes has ended the call, and the answer is passed on [I4]', async () => {
    const { transport, wire, balance, received } = seatOn()
    wire.onsend = () => Promise.reject(coded('ECONNREFUSED'))
    await transport.send(call(1)).catch(() => {})
    wire.receive(resultOf(1))
    expect(balance()).toEqual(WHOLE)
    expect(received).toEqual([resultOf(1)])
  })

  test('is not repeated here: a call is handed to the transport once, whatever comes of it [L-S20]', async () => {
    for (const error of [coded('ECONNREFUSED'), coded('ECONNRESET'), httpV2(503), httpV2(307)]) {
      for (const store of ['at once', 'later'] as const) {
        const { transport, wire, clock } = seatOn({ store })
        wire.onsend = () => Promise.reject(error)
        await transport.send(call(1)).catch(() => {})
        await clock.advanceAsync(300_000)
        expect(wire.messages).toHaveLength(1)
      }
    }
  })

  test('rejects for the sender only, and not a second time for nobody', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    const { transport, wire } = seatOn({ store: 'later' })
    wire.onsend = () => Promise.reject(coded('ECONNREFUSED'))
    await transport.send(call(1)).catch(() => {})
    await settle()
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  test('of a message that is no call is the sender’s business alone', async () => {
    const { transport, wire, balance } = seatOn()
    await transport.send(call(1))
    wire.onsend = () => Promise.reject(coded('ECONNREFUSED'))
    await transport.send({ jsonrpc: '2.0', id: 2, method: 'ping' }).catch(() => {})
    expect(balance()).toEqual(KEPT)
  })
})
