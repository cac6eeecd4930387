import { InMemoryBudgetEnforcer, KeyRing, withDelegation } from 'mcp-budget'
import { attenuate, mint, type Caveats } from 'mcp-budget/delegation'
import { FakeClock } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { EXTENSION, gateOn, LEGACY } from '../../support/tasks.js'

const TOKEN = 'dev.mcp-budget/token'
const keys = new KeyRing({ current: { kid: 'k1', key: globalThis.crypto.getRandomValues(new Uint8Array(32)) } })

async function gateOfTwo(more: Caveats = {}) {
  const clock = new FakeClock()
  const enforcer = new InMemoryBudgetEnforcer({ clock })
  for (const budget of ['a', 'alice', 'bob']) enforcer.initialize(budget, 100)
  const tokenOf = (budget: string) => mint(keys, { budget, exp: 'never', clock, ...more })
  const [alice, bob] = [await tokenOf('alice'), await tokenOf('bob')]
  const gate = gateOn({ side: 'server', clock, enforcer, outer: [withDelegation({ keys, clock })] })
  const by = (token?: string) => (token === undefined ? {} : { [TOKEN]: token })
  const ask = async (method: string, params: object, token?: string) =>
    gate.request(method, { ...params, _meta: by(token) })
  return { ...gate, gate, alice, bob, by, ask, enforcer }
}

const NOBODY_HAS_IT = { error: { data: { reason: 'unknown_task' } } }

describe.each([
  ['2025-11-25', LEGACY],
  ['2026-07-28', EXTENSION],
])('a task that was paid by token, on %s', (_, era) => {
  test('is shown to its token alone, and ends by what that is told [T32, L-S43]', async () => {
    const { gate, alice, bob, by, ask, enforcer } = await gateOfTwo()
    const call = await gate.call({}, { ...era.meta, ...by(alice) })
    await gate.answer(call, era.created('t1'))
    expect(enforcer.describe('alice')).toMatchObject({ available: 60, held: 40 })
    expect(gate.answerTo(await ask('tasks/get', { taskId: 't1' }, bob))).toMatchObject(NOBODY_HAS_IT)
    expect(gate.answerTo(await ask('tasks/cancel', { taskId: 't1' }, bob))).toMatchObject(NOBODY_HAS_IT)
    const own = await ask('tasks/get', { taskId: 't1' }, alice)
    expect(gate.reached().at(-1)).toMatchObject({ id: own })
    expect(JSON.stringify(gate.reached())).not.toContain('mcpb_')
    expect(enforcer.describe('bob')).toMatchObject({ available: 100, held: 0 })
  })

  test('is not there for who brings no token, or one that serves no more [T32, T33]', async () => {
    const { gate, alice, by, ask } = await gateOfTwo()
    await gate.answer(await gate.call({}, { ...era.meta, ...by(alice) }), era.created('t1'))
    const before = gate.reached().length
    for (const token of [undefined, 'mcpb_nonsense', attenuate(alice, { exp: 1 })]) {
      const id = await ask('tasks/get', { taskId: 't1' }, token)
      expect(gate.answerTo(id)).toMatchObject({ error: { data: { error: 'unauthorized' } } })
    }
    expect(gate.reached()).toHaveLength(before)
  })

  test('may be asked about by a token that is good for its tool alone', async () => {
    const { gate, alice, by, ask } = await gateOfTwo({ tool: ['search', 'draw', 'render'], ops: ['call'] })
    const call = await gate.call({}, { ...era.meta, ...by(alice) })
    await gate.answer(call, era.created('t1'))
    const id = await ask('tasks/get', { taskId: 't1' }, alice)
    expect(gate.reached().at(-1)).toMatchObject({ id })
  })
})
