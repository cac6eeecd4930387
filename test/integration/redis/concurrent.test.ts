import { afterAll, describe, expect, test } from 'vitest'
import { budgetOf, recordHistories, type Recorded } from '../../support/budget-history.js'
import { expectNoCreditLost } from '../../support/races.js'
import { freshPrefix, newClient } from './store.js'
import { ioredisPort, RedisBudgetEnforcer } from '../../../src/backends/redis/index.js'
import { isLinearizable } from '../../support/linearizability.js'
import type { Redis } from 'ioredis'

const CLIENTS = 16
const FUNDS = 40

function storeOn(client: Redis, prefix: string): RedisBudgetEnforcer {
  return new RedisBudgetEnforcer({ redis: ioredisPort(client), prefix })
}

/** The mistake that everybody makes first: to look, and then to take. */
function lookThenTake(client: Redis, prefix: string): Recorded {
  const held = new Map<string, { readonly key: string; readonly amount: number }>()
  const end = async (holdId: string, charge: number): Promise<number | undefined> => {
    const hold = held.get(holdId)
    if (hold === undefined) return undefined
    held.delete(holdId)
    const charged = Math.min(charge, hold.amount)
    await client.incrby(hold.key, hold.amount - charged)
    return charge === 0 ? hold.amount : charged
  }
  const ended = { kind: 'refused', reason: 'hold_ended' } as const
  return {
    async hold({ id, lines: [{ budget, amount } = { budget: '', amount: 0 }] }) {
      const key = `${prefix}${budget}`
      const remaining = Number(await client.get(key))
      if (remaining < amount) return { kind: 'refused', reason: 'insufficient', budget, remaining }
      await client.decrby(key, amount)
      held.set(id, { key, amount })
      return { kind: 'held', holdId: id, remaining: remaining - amount, debt: 0 }
    },
    async capture({ holdId, amount }) {
      const charged = await end(holdId, amount)
      return charged === undefined ? ended : { kind: 'captured', charged, late: false }
    },
    async release({ holdId }) {
      const returned = await end(holdId, 0)
      return returned === undefined ? ended : { kind: 'released', returned }
    },
  }
}

describe('16 clients at once', () => {
  const connections = Array.from({ length: CLIENTS }, () => newClient())
  const budgets = ['one', 'two', 'three']
  const rounds = process.env['MCP_BUDGET_LONG'] === '1' ? 300 : 25

  afterAll(() => connections.forEach((connection) => connection.disconnect()))

  test('see each budget as one that is asked one thing after the other [I15] [I2] [R1] [L-P1] [L-P16]', async () => {
    const prefix = freshPrefix()
    const stores = connections.map((connection) => storeOn(connection, prefix))
    for (const budget of budgets) await stores[0]?.initialize(budget, FUNDS)
    const histories = await recordHistories(stores, budgets, { clients: CLIENTS, rounds, seed: 1 })
    for (const [budget, history] of histories) {
      expect(
        history.some(({ output }) => output === false),
        'a refusal',
      ).toBe(true)
      expect(isLinearizable(history, budgetOf(FUNDS)), budget).toBe(true)
    }
    const spent = [...histories.values()].flat().reduce((sum, { input, output }) => {
      return sum + (input.verb === 'capture' && output !== false ? output : 0)
    }, 0)
    const views = await Promise.all(budgets.map(async (budget) => stores[1]?.describe(budget)))
    expect(views.reduce((sum, view) => sum + (view?.spent ?? 0), 0)).toBe(spent)
    expect(views.map((view) => [view?.held, view?.openHolds, view?.debt])).toEqual(budgets.map(() => [0, 0, 0]))
  })

  test('catch a store that looks before it takes: no order explains what it answers [I15]', async () => {
    const prefix = freshPrefix()
    const stores = connections.map((connection) => lookThenTake(connection, prefix))
    for (const budget of budgets) await connections[0]?.set(`${prefix}${budget}`, FUNDS)
    const histories = await recordHistories(stores, budgets, { clients: CLIENTS, rounds, seed: 1 })
    const explained = [...histories].filter(([, history]) => isLinearizable(history, budgetOf(FUNDS)))
    expect(explained.length).toBeLessThan(budgets.length)
  })

  test('delegate, spend, grant, revoke and close at once, and no credit is lost or made [T10, I1, I11, R2, seed-001:atomic-transfer]', async () => {
    const prefix = freshPrefix()
    await expectNoCreditLost(connections.map((connection) => storeOn(connection, prefix)))
  })
})
