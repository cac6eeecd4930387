import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'

const CALLS = ['hard', 'hard', 'hard', 'shadow', 'shadow', 'soft', 'observed', 'flaky', 'told']

test('a stdio server whose every event is heard prints nothing but its answers [L-S39]', async () => {
  const server = spawn(process.execPath, [join(inject('stdioServers'), 'stdio-metered.js')], { stdio: 'pipe' })
  const printed = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) server[name].on('data', (data) => (printed[name] += String(data)))
  const answers = (): string[] => printed.stdout.split('\n').slice(0, -1)
  const ask = async (id: number, method: string, params: object): Promise<void> => {
    server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`)
    await expect.poll(() => answers().length).toBe(id + 1)
  }

  const info = { name: 'client', version: '1.0.0' }
  await ask(0, 'initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: info })
  await ask(1, 'tools/list', {})
  for (const [i, name] of CALLS.entries()) await ask(i + 2, 'tools/call', { name, arguments: {} })
  server.stdin.end()
  await once(server, 'close')

  expect(printed.stderr).toBe('')
  expect(printed.stdout.endsWith('\n')).toBe(true)
  const messages = answers().map((line) => JSON.parse(line) as { id: number; result: { content: [{ text: string }] } })
  expect(messages).toMatchObject([0, 1, ...CALLS].map((_, id) => ({ jsonrpc: '2.0', id, result: {} })))
  // All of it really happened.
  const { heard, records } = JSON.parse(messages.at(-1)!.result.content[0].text) as {
    heard: Record<string, number>
    records: number
  }
  expect(Object.entries(heard).filter(([, times]) => times === 0)).toEqual([])
  expect(records).toBeGreaterThan(CALLS.length)
})
