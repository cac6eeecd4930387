import { describe, expect, test } from 'vitest'
import { FakeClock, faultyTransport, type TransportFaults } from '../../../src/testing/index.js'

/** A transport that keeps what it is sent. */
class Line {
  sent: unknown[] = []
  isClosed = false
  started = 0
  sessionId = 'session-1'
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: any, extra?: unknown) => void
  readonly #secret = 'own this'

  async start(): Promise<void> {
    this.started++
  }

  async send(message: unknown): Promise<void> {
    if (this.isClosed) throw new Error('closed')
    this.sent.push(message)
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.onclose?.()
  }

  secret(): string {
    return this.#secret
  }
}

function wire(faults: TransportFaults, clock = new FakeClock()) {
  const line = new Line()
  const transport = faultyTransport(line, faults, clock)
  const received: unknown[] = []
  transport.onmessage = (message) => received.push(message)
  return { line, transport, received, clock }
}

describe('faultyTransport, sending', () => {
  test('passes on what is not planned', async () => {
    const { line, transport } = wire({ send: { 2: 'drop' } })
    for (const message of ['a', 'b', 'c']) await transport.send(message)
    expect(line.sent).toEqual(['a', 'c'])
  })

  test('sends twice', async () => {
    const { line, transport } = wire({ send: { 1: 'duplicate' } })
    await transport.send('a')
    expect(line.sent).toEqual(['a', 'a'])
  })

  test('rejects without sending, or although it sent [I6]', async () => {
    const { line, transport } = wire({ send: { 1: 'reject-before', 2: 'reject-after' } })
    await expect(transport.send('a')).rejects.toMatchObject({ code: 'injected_fault' })
    expect(line.sent).toEqual([])
    await expect(transport.send('b')).rejects.toMatchObject({ code: 'injected_fault' })
    expect(line.sent).toEqual(['b'])
  })

  test('sends later', async () => {
    const { line, transport, clock } = wire({ send: { 1: { delay: 100 } } })
    await transport.send('a')
    await transport.send('b')
    clock.advance(99)
    expect(line.sent).toEqual(['b'])
    clock.advance(1)
    expect(line.sent).toEqual(['b', 'a'])
  })

  test('reports a late message that cannot be sent any more as an error', async () => {
    const { transport, clock } = wire({ send: { 1: { delay: 100 } } })
    const errors: Error[] = []
    transport.onerror = (error) => errors.push(error)
    await transport.send('a')
    await transport.close()
    await clock.advanceAsync(100)
    expect(errors.map((error) => error.message)).toEqual(['closed'])
  })

  test('sends something else', async () => {
    const { line, transport } = wire({ send: { 1: { corrupt: (message: string) => message.slice(1) } } })
    await transport.send('abc')
    expect(line.sent).toEqual(['bc'])
  })

  test('closes in the middle', async () => {
    const { line, transport } = wire({ send: { 2: 'close' } })
    let closed = 0
    transport.onclose = () => closed++
    await transport.send('a')
    await expect(transport.send('b')).rejects.toMatchObject({ code: 'injected_fault' })
    expect([line.sent, line.isClosed, closed]).toEqual([['a'], true, 1])
  })
})

describe('faultyTransport, receiving', () => {
  test.each([
    ['drop', ['b']],
    ['reject-before', ['b']],
    ['reject-after', ['a', 'b']],
    ['duplicate', ['a', 'a', 'b']],
    [{ corrupt: () => 'x' }, ['x', 'b']],
    [{ delay: 5 }, ['b', 'a']],
  ] as const)('suffers %o', (fault, wanted) => {
    const { line, received, clock } = wire({ receive: { 1: fault } })
    line.onmessage?.('a')
    line.onmessage?.('b')
    clock.advance(5)
    expect(received).toEqual(wanted)
  })

  test('closes in the middle', () => {
    const { line, received } = wire((direction, nth) => (direction === 'receive' && nth === 2 ? 'close' : undefined))
    line.onmessage?.('a')
    line.onmessage?.('b')
    expect(received).toEqual(['a'])
    expect(line.isClosed).toBe(true)
  })

  test('hands on what came with a message', () => {
    const { line, transport } = wire({})
    const extras: unknown[] = []
    transport.onmessage = (_message, extra) => extras.push(extra)
    line.onmessage?.('a', { authInfo: 1 })
    expect(extras).toEqual([{ authInfo: 1 }])
  })
})

test('everything else of a faulty transport is the inner one’s', async () => {
  const { line, transport } = wire({})
  await transport.start()
  transport.sessionId = 'session-2'
  const onclose = (): void => {}
  transport.onclose = onclose
  expect([line.started, line.sessionId, transport.secret()]).toEqual([1, 'session-2', 'own this'])
  expect(transport.onclose).toBe(onclose)
  expect(transport).toBeInstanceOf(Line)
})
