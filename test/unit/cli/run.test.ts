import { expect, test } from 'vitest'
import { BudgetError } from 'mcp-budget'
import { run } from '../../../src/cli/run.js'
import type { CliCommand } from '../../../src/cli/command.js'
import type { Terminal } from '../../../src/cli/terminal.js'

function around(commandRun: CliCommand['run']) {
  const said: string[] = []
  const terminal = {
    env: {},
    say: (text: string) => void said.push(text),
    progress: () => {},
    look: (_: unknown, __: unknown, text: string) => text,
  } as unknown as Terminal
  const command: CliCommand = { name: 'try', summary: 'Try.', options: [], examples: [], run: commandRun }
  return { said, running: run(['try'], terminal, [command]) }
}

const HINT = 'Repeat it with `--id 7`'

test('a store that does not answer leaves the hint how to repeat the request', async () => {
  const { said, running } = around(async ({ ifUnanswered }) => {
    ifUnanswered(HINT)
    throw new BudgetError({ code: 'store_unavailable', message: 'Expected an answer, got none' })
  })
  expect(await running.done).toBe(1)
  expect(said).toEqual(['error: Expected an answer, got none', `       ${HINT}`])
})

test('an interruption says the same', async () => {
  const { said, running } = around(({ ifUnanswered }) => {
    ifUnanswered(HINT)
    return new Promise(() => {})
  })
  await new Promise((resolve) => setImmediate(resolve))
  running.interrupt()
  expect(said).toEqual([`Interrupted. ${HINT}`])
})

test.each([
  [new Error('first line\nsecond line'), 'error: first line'],
  [Object.assign(new Error('no such role'), { code: '28000' }), 'error: no such role'],
  ['a text', 'error: a text'],
  [undefined, 'error: undefined'],
])('a fault of another kind, %s, is told in one line', async (fault, wanted) => {
  const { said, running } = around(() => Promise.resolve().then(() => Promise.reject(fault as Error)))
  expect(await running.done).toBe(1)
  expect(said).toEqual([wanted])
})
