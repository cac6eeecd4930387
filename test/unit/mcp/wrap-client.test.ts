import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { InMemoryTransport as InMemoryV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { Client as ClientV2, InMemoryTransport as InMemoryV2 } from '@modelcontextprotocol/client'
import { McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import {
  assertMetered,
  BudgetError,
  InMemoryBudgetEnforcer,
  isMetered,
  refusalOf,
  withBudget,
  withCostProfile,
  wrapClient,
  wrapTransport,
} from 'mcp-budget'
import { describe, expect, test } from 'vitest'

const info = { name: 'a', version: '1' }
const ran = { content: [{ type: 'text' as const, text: 'done' }] }
const thrownBy = async (action: () => unknown): Promise<unknown> => {
  try {
    await action()
  } catch (error) {
    return error
  }
  return undefined
}

function budgetOf(credits: number) {
  const memory = new InMemoryBudgetEnforcer()
  memory.initialize('a', credits)
  return {
    memory,
    steps: [withCostProfile({ defaultCost: 5 }), withBudget({ enforcer: memory, budget: 'a' })] as const,
  }
}

const GENERATIONS = {
  v1: {
    client: () => new ClientV1(info) as any,
    async link() {
      const [near, far] = InMemoryV1.createLinkedPair()
      const server = new McpServerV1(info)
      server.registerTool('t', {}, () => ran)
      await server.connect(far)
      return near as any
    },
  },
  v2: {
    client: () => new ClientV2(info) as any,
    async link() {
      const [near, far] = InMemoryV2.createLinkedPair()
      const server = new McpServerV2(info)
      server.registerTool('t', {}, () => ran)
      await server.connect(far)
      return near as any
    },
  },
}

describe.each(Object.entries(GENERATIONS))('a wrapped client of SDK %s', (_, { client, link }) => {
  test('is the client that was given, and every call through it is metered [L-P25]', async () => {
    const { memory, steps } = budgetOf(12)
    const given = client()
    const wrapped = wrapClient(given, ...steps)
    expect(wrapped).toBe(given)
    await wrapped.connect(await link())
    expect(isMetered(wrapped.transport)).toBe(true)
    await wrapped.callTool({ name: 't' })
    await given.request({ method: 'tools/call', params: { name: 't', arguments: {} } }, ...schemaOf(given))
    expect(refusalOf(await thrownBy(() => wrapped.callTool({ name: 't' })))).toMatchObject({
      error: 'budget_exhausted',
      remaining_credits: 2,
      cost_credits: 5,
    })
    expect(memory.describe('a')).toMatchObject({ spent: 10, held: 0 })
    await wrapped.close()
  })

  test('is metered again when it connects again, to another transport', async () => {
    const { memory, steps } = budgetOf(100)
    const wrapped = wrapClient(client(), ...steps)
    for (let i = 1; i <= 3; i++) {
      await wrapped.connect(await link())
      await wrapped.callTool({ name: 't' })
      await wrapped.close()
      expect(memory.describe('a')).toMatchObject({ spent: i * 5 })
    }
  })

  test('cannot be wrapped once it is connected, and can when it is no more', async () => {
    const { steps } = budgetOf(100)
    const given = client()
    await given.connect(await link())
    expect(await thrownBy(() => wrapClient(given, ...steps))).toMatchObject({ code: 'already_connected' })
    await given.close()
    const wrapped = wrapClient(given, ...steps)
    await wrapped.connect(await link())
    expect(isMetered(wrapped.transport)).toBe(true)
    await wrapped.close()
  })

  test('cannot be wrapped twice, nor be given a wrapped transport [T51]', async () => {
    const { steps } = budgetOf(100)
    const wrapped = wrapClient(client(), ...steps)
    expect(await thrownBy(() => wrapClient(wrapped, ...steps))).toMatchObject({ code: 'already_wrapped' })
    const transport = wrapTransport(await link(), ...steps)
    const rejected = await thrownBy(() => wrapped.connect(transport))
    expect(BudgetError.isInstance(rejected) && rejected.code).toBe('already_wrapped')
  })

  test('rejects its connect, and does not throw at it, when the transport is wrapped already', async () => {
    const { steps } = budgetOf(100)
    const wrapped = wrapClient(client(), ...steps)
    const transport = wrapTransport(await link(), ...steps)
    let connecting: Promise<void> | undefined
    expect(() => (connecting = wrapped.connect(transport))).not.toThrow()
    await expect(connecting).rejects.toMatchObject({ code: 'already_wrapped' })
  })

  test('judges its settings when it is wrapped, not when it connects', async () => {
    const [prices, budget] = budgetOf(100).steps
    const wrap = (...given: unknown[]) => wrapClient(client(), ...(given as []))
    expect(await thrownBy(() => wrap(budget, prices))).toMatchObject({ code: 'wrong_order' })
    expect(await thrownBy(() => wrap())).toMatchObject({ code: 'invalid_config' })
    expect(await thrownBy(() => wrap({ refusal: 'no' }, prices))).toMatchObject({ code: 'invalid_config' })
  })

  test('is known by assertMetered, before it is connected too', async () => {
    const given = client()
    expect(await thrownBy(() => assertMetered(given))).toMatchObject({ code: 'not_metered' })
    await given.connect(await link())
    expect(await thrownBy(() => assertMetered(given))).toMatchObject({ code: 'not_metered' })
    await given.close()
    const wrapped = wrapClient(client(), ...budgetOf(1).steps)
    expect(await thrownBy(() => assertMetered(wrapped))).toBeUndefined()
    const other = client()
    await other.connect(wrapTransport(await link(), ...budgetOf(1).steps))
    expect(await thrownBy(() => assertMetered(other))).toBeUndefined()
    await other.close()
  })

  test('hands the options of connect on', async () => {
    const wrapped = wrapClient(client(), ...budgetOf(100).steps)
    const signal = AbortSignal.abort(new Error('enough'))
    expect(await thrownBy(async () => wrapped.connect(await link(), { signal }))).toBeInstanceOf(Error)
  })
})

function schemaOf(client: unknown): unknown[] {
  // v1 wants to be told how to read the answer.
  return client instanceof ClientV1 ? [CallToolResultSchema] : []
}
