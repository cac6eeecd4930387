import { createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { cliFolder, shell } from '../../support/cli-process.js'

const folder = cliFolder()

test('what is answered stands on the output, and what is said beside it is not there', async () => {
  const { code, out, err } = await shell('mcp-budget migrate --store sqlite:b.db', { folder })
  expect([code, out, err]).toEqual([0, expect.stringContaining('Made the tables'), ''])
  const wrong = await shell('mcp-budget budget show', { folder })
  expect([wrong.code, wrong.out, wrong.err]).toEqual([2, '', expect.stringMatching(/^error: /)])
})

test('a reader that has seen enough ends it quietly, and not as a success', async () => {
  const { out, err } = await shell('{ mcp-budget --help; echo "code $?" >&2; } | true', { folder })
  expect([out, err]).toEqual(['', 'code 141\n'])
})

test('colours are for terminals only', async () => {
  const { err } = await shell('mcp-budget budget show', { folder })
  expect(err).not.toContain('\u001b')
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends a command that waits, with %i', async (signal, wanted) => {
  let kill = (_: NodeJS.Signals): void => {}
  // A server that never says anything.
  const server = createServer(() => kill(signal)).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const store = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { code, err } = await shell('exec mcp-budget budget show team', {
    folder,
    env: { MCP_BUDGET_STORE: store },
    onStart: (given) => (kill = given),
  })
  server.close()
  expect([code, err]).toEqual([wanted, 'Interrupted.\n'])
})

test('a token comes through a pipe from one command to the next', async () => {
  const key = Buffer.from(Array.from({ length: 32 }, (_, i) => (i * 37) % 251)).toString('base64')
  const mint = 'mcp-budget token mint acme/bot --key-env BUDGET_KEY --kid k --exp 1h'
  const script = `${mint} | mcp-budget token attenuate --max 5 | mcp-budget token inspect --key-env BUDGET_KEY --kid k --json`
  const { code, out, err } = await shell(script, { folder, env: { BUDGET_KEY: key } })
  expect([code, err]).toEqual([0, ''])
  expect(JSON.parse(out)).toMatchObject({ budget: 'acme/bot', proved: true })
})
