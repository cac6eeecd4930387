import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { type BudgetError, withCostProfile, wrapClient, wrapTransport } from 'mcp-budget'
import { describe, expect, test } from 'vitest'

const INFO = { name: 'a', version: '1' }
const prices = withCostProfile({ defaultCost: 5 })
const THINGS = {
  'a server': () => new McpServer(INFO),
  'a client': () => new Client(INFO),
  'a transport': () => InMemoryTransport.createLinkedPair()[0],
  'a factory': () => () => new McpServer(INFO),
  nothing: () => undefined,
  'an empty object': () => ({}),
}
const HINTS: Readonly<Record<string, RegExp>> = {
  'a server': /use wrapServer for a server/,
  'a client': /use wrapClient for a client/,
  'a transport': /use wrapTransport for a transport/,
  'a factory': /use wrapServerFactory/,
  nothing: /got `undefined`/,
  'an empty object': /got an object/,
}

describe.each([
  ['wrapTransport', wrapTransport, 'a transport'],
  ['wrapClient', wrapClient, 'a client'],
] as const)('%s', (_, wrap, right) => {
  test.each(Object.entries(THINGS).filter(([name]) => name !== right))(
    'that is given %s meters nothing, and says what to use [T51]',
    (name, make) => {
      const thrown = errorOf(() => Reflect.apply(wrap, undefined, [make(), prices]))
      expect(thrown).toMatchObject({ code: 'not_supported', message: expect.stringMatching(HINTS[name] as RegExp) })
    },
  )
})

test('settings with a name are no step, and are told', () => {
  const transport = InMemoryTransport.createLinkedPair()[0]
  const thrown = errorOf(() => wrapTransport(transport, { name: 'github' } as never, prices))
  expect(thrown).toMatchObject({
    code: 'invalid_config',
    message: expect.stringContaining('got one with the key "name"'),
  })
})

function errorOf(action: () => unknown): BudgetError | undefined {
  try {
    action()
  } catch (error) {
    return error as BudgetError
  }
  return undefined
}
