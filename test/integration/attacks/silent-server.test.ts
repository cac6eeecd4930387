import { connect, createServer, type AddressInfo } from 'node:net'
import { afterEach, expect, inject, test, vi } from 'vitest'
import { cli } from '../../support/cli.js'

afterEach(() => vi.useRealTimers())

// A script that runs by night would hang for ever, and hold what it holds.
test.each([
  { what: 'says nothing', until: 'hello', slug: 'store_unavailable', hint: 'Is the server running' },
  { what: 'answers no request', until: 'EVALSHA', slug: 'timeout', hint: '--id invoice-7' },
])('a command gives up on a Redis that $what', async ({ until, slug, hint }) => {
  const real = new URL(inject('redisUrl'))
  const argv = 'budget grant a 5 --id invoice-7 --json'
  // Loads what is loaded by need, which waits for timers of its own.
  await cli(argv, { env: { MCP_BUDGET_STORE: 'redis://127.0.0.1:1' } })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  let asked = (): void => {}
  const isAsked = new Promise<void>((resolve) => (asked = resolve))
  const server = createServer((socket) => {
    const to = connect(Number(real.port), real.hostname).on('data', (data) => socket.write(data))
    socket.on('close', () => to.destroy())
    socket.on('data', (data) => {
      if (data.includes(until)) asked()
      else to.write(data)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const ran = cli(argv, { env: { MCP_BUDGET_STORE: `redis://127.0.0.1:${port}` } })
  await isAsked
  await vi.advanceTimersByTimeAsync(30_000)
  const { code, err } = await ran
  server.close()
  const error = { code: slug, hint: expect.stringContaining(hint) as string }
  expect([code, JSON.parse(err)]).toMatchObject([1, { error }])
})
