import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryBudgetEnforcer, meter, refusalOf, wrapTransport, type CallInput, type Clock } from 'mcp-budget'
import {
  asyncEnforcer,
  enforcerConformance,
  fakeEnforcer,
  FakeClock,
  faultyEnforcer,
  simulate,
} from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { studio } from './studio.js'

const search: CallInput = { tool: 'search' }
const answer = () => ({ content: [] })
const createMyEnforcer = (options: { clock: Clock }) => new InMemoryBudgetEnforcer(options)

describe('the code of the testing guide', () => {
  // #region calls
  test('gives the credits of a call back that never ran', async () => {
    const enforcer = fakeEnforcer({ remaining: 10 })
    const agent = meter({ enforcer, budget: 'anyone', prices: { defaultCost: 7 }, onFailure: 'release' })
    await agent.run(search, () => Promise.reject(new Error('no such host')))
    expect(enforcer.calls.map(({ verb }) => verb)).toEqual(['hold', 'release'])
    expect(enforcer.remaining('anyone')).toBe(10)
  })
  // #endregion calls

  // #region clock
  test('charges a call whose end nobody learned, when its hold expires', () => {
    const clock = new FakeClock()
    const enforcer = new InMemoryBudgetEnforcer({ clock })
    enforcer.initialize('agent-1', 10)
    enforcer.hold({ id: 'lost', lines: [{ budget: 'agent-1', amount: 7 }], ttlMs: 120_000, onExpire: 'capture' })

    clock.advance(119_999)
    expect(enforcer.describe('agent-1')).toMatchObject({ held: 7, spent: 0 })
    clock.advance(1)
    expect(enforcer.describe('agent-1')).toMatchObject({ held: 0, spent: 7 })
  })
  // #endregion clock

  // #region faults
  test('retries a hold whose answer was lost, and holds once', async () => {
    const store = new InMemoryBudgetEnforcer()
    store.initialize('agent-1', 10)
    const enforcer = faultyEnforcer(asyncEnforcer(store), { hold: { 1: 'lose' } })
    const agent = meter({ enforcer, budget: 'agent-1', prices: { defaultCost: 7 }, awaitCapture: true })

    expect(await agent.run(search, answer)).toMatchObject({ kind: 'result' })
    expect(store.describe('agent-1')).toMatchObject({ spent: 7, held: 0, openHolds: 0 })
  })
  // #endregion faults

  // #region wire
  test('tells the model through a real client', async () => {
    const { transport } = await studio() // an McpServer on one end of InMemoryTransport.createLinkedPair()
    const client = new Client({ name: 'agent', version: '1.0.0' })
    const agent = meter({ enforcer: fakeEnforcer({ remaining: 4 }), budget: 'anyone', prices: { defaultCost: 7 } })
    await client.connect(wrapTransport(transport, { refusal: 'result' }, agent))

    const result = await client.callTool({ name: 'search' })
    expect(refusalOf(result)).toMatchObject({ error: 'budget_exhausted', remaining_credits: 4 })
  })
  // #endregion wire

  // #region kit
  describe('my enforcer', () => {
    const cases = enforcerConformance({ create: (clock) => createMyEnforcer({ clock }) })
    for (const each of cases) test(each.name, () => each.run())
  })
  // #endregion kit

  // #region simulate
  test('keeps its promises through 50 random histories', async () => {
    for (let seed = 1; seed <= 50; seed++) {
      const { violation } = await simulate({ seed, store: ({ clock }) => createMyEnforcer({ clock }) })
      expect(violation, `seed ${seed}`).toBeUndefined()
    }
  })
  // #endregion simulate
})
