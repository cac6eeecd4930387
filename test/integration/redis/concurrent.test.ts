import { afterAll, describe, expect, test } from 'vitest'
import { freshPrefix, newClient } from './store.js'
import { ioredisPort, RedisBudgetEnforcer } from '../../../src/backends/redis/index.js'
import { isLinearizable, type Operation, type SequentialModel } from '../../support/linearizability.js'
import { mintChargeId } from '../../../src/core/ids.js'
import { Random } from '../../../src/testing/random.js'
import type { Redis } from 'ioredis'

type Asked =
  | { readonly verb: 'hold'; readonly id: string; readonly amount: number }
  | { readonly verb: 'capture'; readonly id: string; readonly amount: number }
  | { readonly verb: 'release'; readonly id: string }
/** What was answered: the amount that the verb moved, or `false` for a refusal. */
type Answered = number | false

interface Budget {
  readonly available: number
  readonly open: ReadonlyMap<string, number>
}

/** One budget, one request after the other. */
function budgetOf(available: number): SequentialModel<Budget, Asked, Answered> {
  return {
    initial: { available, open: new Map() },
    step({ available, open }, asked, answered) {
      if (asked.verb === 'hold') {
        const fits = asked.amount <= available
        if (answered !== (fits && asked.amount)) return undefined
        return fits
          ? { available: available - asked.amount, open: new Map(open).set(asked.id, asked.amount) }
          : { available, open }
      }
      const held = open.get(asked.id)
      const moved = held === undefined ? false : asked.verb === 'capture' ? Math.min(asked.amount, held) : held
      if (moved !== answered) return undefined
      if (held === undefined || moved === false) return { available, open }
      const left = new Map(open)
      left.delete(asked.id)
      return { available: available + (asked.verb === 'capture' ? held - moved : moved), open: left }
    },
    key: ({ available, open }) => `${available} ${[...open.keys()].sort().join()}`,
  }
}

/** What can be asked of a store at once by many. */
interface Client {
  hold(budget: string, id: string, amount: number): Promise<Answered>
  end(verb: 'capture' | 'release', id: string, amount: number): Promise<Answered>
}

const CLIENTS = 16
const FUNDS = 40

/** Lets many clients ask at once, and records what each was answered and when. */
async function record(clients: readonly Client[], budgets: readonly string[], rounds: number, seed: number) {
  const histories = new Map(budgets.map((budget) => [budget, [] as Operation<Asked, Answered>[]]))
  await Promise.all(
    clients.map(async (client, number) => {
      const random = new Random(seed * 100 + number)
      const log = async (budget: string, input: Asked, ask: () => Promise<Answered>): Promise<Answered> => {
        const from = performance.now()
        const output = await ask()
        histories.get(budget)?.push({ input, output, from, till: performance.now() })
        return output
      }
      for (let round = 0; round < rounds; round++) {
        const budget = random.pick(budgets)
        const id = mintChargeId(Date.now())
        const amount = 1 + random.int(12)
        const held = await log(budget, { verb: 'hold', id, amount }, () => client.hold(budget, id, amount))
        if (held === false) continue
        // Twice at once, of which one must be refused.
        const ends = (['capture', 'release'] as const).map((verb) =>
          log(budget, { verb, id, amount: 1 }, () => client.end(verb, id, 1)),
        )
        await Promise.all(ends)
      }
    }),
  )
  return histories
}

function throughStore(client: Redis, prefix: string): Client & { readonly store: RedisBudgetEnforcer } {
  const store = new RedisBudgetEnforcer({ redis: ioredisPort(client), prefix })
  return {
    store,
    async hold(budget, id, amount) {
      const answer = await store.hold({ id, lines: [{ budget, amount }], ttlMs: 60_000, onExpire: 'release' })
      return answer.kind === 'held' && amount
    },
    async end(verb, id, amount) {
      if (verb === 'release') {
        const released = await store.release({ id: `${id}.r`, holdId: id })
        return released.kind === 'released' && released.returned
      }
      const captured = await store.capture({ id: `${id}.c`, holdId: id, amount, overage: 'cap' })
      return captured.kind === 'captured' && captured.charged
    },
  }
}

/** The mistake that everybody makes first: to look, and then to take. */
function lookThenTake(client: Redis, prefix: string): Client {
  const held = new Map<string, { readonly key: string; readonly amount: number }>()
  return {
    async hold(budget, id, amount) {
      const key = `${prefix}${budget}`
      if (Number(await client.get(key)) < amount) return false
      await client.decrby(key, amount)
      held.set(id, { key, amount })
      return amount
    },
    async end(verb, id, amount) {
      const hold = held.get(id)
      if (hold === undefined) return false
      held.delete(id)
      const moved = verb === 'capture' ? Math.min(amount, hold.amount) : hold.amount
      await client.incrby(hold.key, verb === 'capture' ? hold.amount - moved : moved)
      return moved
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
    const clients = connections.map((connection) => throughStore(connection, prefix))
    for (const budget of budgets) await clients[0]?.store.initialize(budget, FUNDS)
    const histories = await record(clients, budgets, rounds, 1)
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
    const views = await Promise.all(budgets.map(async (budget) => clients[1]?.store.describe(budget)))
    expect(views.reduce((sum, view) => sum + (view?.spent ?? 0), 0)).toBe(spent)
    expect(views.map((view) => [view?.held, view?.openHolds, view?.debt])).toEqual(budgets.map(() => [0, 0, 0]))
  })

  test('catch a store that looks before it takes: no order explains what it answers [I15]', async () => {
    const prefix = freshPrefix()
    const clients = connections.map((connection) => lookThenTake(connection, prefix))
    for (const budget of budgets) await connections[0]?.set(`${prefix}${budget}`, FUNDS)
    const histories = await record(clients, budgets, rounds, 1)
    const explained = [...histories].filter(([, history]) => isLinearizable(history, budgetOf(FUNDS)))
    expect(explained.length).toBeLessThan(budgets.length)
  })

  test('delegate, spend, grant, revoke and close at once, and no credit is lost or made [T10] [I1] [I11]', async () => {
    const prefix = freshPrefix()
    const stores = connections.map((connection) => throughStore(connection, prefix).store)
    const [first] = stores
    await first?.initialize('main', 1_000)
    const random = new Random(7)
    const asks = Array.from({ length: 200 }, (_, n) => {
      const store = stores[n % CLIENTS] as RedisBudgetEnforcer
      const child = `child-${random.int(8)}`
      const lines = [{ budget: random.chance(0.5) ? 'main' : child, amount: random.int(20) }]
      const verbs = [
        // The same request by two clients: one child, one carve.
        () =>
          store.transfer({
            id: `delegate-${child}`,
            from: 'main',
            to: child,
            amount: 40,
            create: { registration: child },
          }),
        () => store.transfer({ id: `up-${n}`, from: child, to: 'main', amount: 5 }),
        () => store.hold({ id: mintChargeId(Date.now()), lines, ttlMs: 60_000, onExpire: 'release' }),
        () => store.spend({ chargeId: mintChargeId(Date.now()), budget: child, tool: 't', cost: 3 }),
        () => store.grant({ id: `grant-${n}`, budget: 'main', amount: 10 }),
        () => store.close({ id: `close-${n}`, budget: child, why: 'closed' }),
        () => store.revoke({ id: `revoke-${n}`, budget: 'main', prefixId: child }),
      ]
      return random.pick([...verbs.slice(0, 5), ...verbs.slice(0, 4), ...verbs])()
    })
    await Promise.all(asks)
    const names = ['main', ...((await first?.describe('main'))?.children ?? [])]
    const views = await Promise.all(names.map(async (name) => first?.describe(name)))
    let [granted, left] = [0, 0]
    for (const view of views) {
      if (view === undefined) continue
      expect(view.in + view.debt).toBe(view.available + view.held + view.spent + view.out + view.burned)
      if (view.parent === undefined) granted = 1_000 + 10 * (await grantsIn(first as RedisBudgetEnforcer))
      left += view.available + view.held + view.spent + view.burned - view.debt
    }
    expect(left).toBe(granted)
  })
})

async function grantsIn(store: RedisBudgetEnforcer): Promise<number> {
  const entries = await store.entries('default', 0, 100_000)
  return entries.filter(({ op, id }) => op === 'grant' && id.startsWith('grant-')).length
}
