import { Redis } from 'ioredis'
import { builtLeases } from './support/built-leases.js'
import { builtRedis } from './support/built-redis.js'
import { ChargeIds } from './support/charge-ids.js'
import { compare, comparisonFigures, interleave, type Side } from './support/interleave.js'
import { controlOf, figure, type Figures, type Goal } from './support/goal.js'
import { startRedis } from '../test/support/servers/redis.js'
import type { HoldingEnforcer } from 'mcp-budget'

/** So many calls of a leased process are timed together, for each that asks the store. */
const MANY = 1_000
const CALLS = 50
const BLOCKS = 60

/** A call that is decided from a lease, with its capture, beside one whose hold and capture are a round trip each. */
async function leasesAgainstRoundTrips(most: number): Promise<Figures> {
  const server = await startRedis()
  const clients = Array.from({ length: 3 }, () => new Redis(server.url))
  try {
    const stores = clients.map((client, n) => {
      return new builtRedis.RedisBudgetEnforcer({ redis: builtRedis.ioredisPort(client), prefix: `bench-${n}:` })
    })
    for (const store of stores) await store.initialize('agent-1', 1e15)
    const [own, first, second] = stores as [(typeof stores)[0], (typeof stores)[0], (typeof stores)[0]]
    const leased = await builtLeases.LeasedEnforcer.open({ store: own, most })
    const sides = [roundTrips('peer', first), inTurns('ours', leased, most), roundTrips('control', second)]
    const times = await interleave(sides, { calls: CALLS, blocks: BLOCKS, warmUp: 10 })
    await leased.shutdown()
    return {
      ...comparisonFigures('ours', compare(times.peer, times.ours)),
      ...comparisonFigures('control', compare(times.peer, times.control)),
      ours: Math.min(...times.ours),
      peer: Math.min(...times.peer),
    }
  } finally {
    for (const client of clients) client.disconnect()
    await server.stop()
  }
}

/** One call: its hold and its capture. */
async function call(store: HoldingEnforcer, id: string): Promise<void> {
  const held = await store.hold({ id, lines, ttlMs, onExpire })
  if (held.kind !== 'held') throw new Error(held.reason)
  await store.capture({ id, holdId: id, amount: 1, overage: 'cap' })
}

// Named one by one in the calls: to copy them from an object and add the id takes longer than a leased call does.
const lines = [{ budget: 'default/agent-1', amount: 1 }]
const ttlMs = 120_000
const onExpire = 'capture'

function roundTrips<Name extends string>(name: Name, store: HoldingEnforcer): Side & { readonly name: Name } {
  const ids = new ChargeIds()
  return {
    name,
    prepare: (calls) => ids.prepare(calls),
    block: async (calls) => {
      for (let i = 0; i < calls; i++) await call(store, ids.take(i))
    },
  }
}

/** As many calls as one lease has, for each that asks the store; between two leases there is a turn for the answers. */
function inTurns<Name extends string>(
  name: Name,
  store: HoldingEnforcer,
  most: number,
): Side & { readonly name: Name } {
  const ids = new ChargeIds()
  return {
    name,
    prepare: (calls) => ids.prepare(calls * MANY),
    block: async (calls) => {
      for (let i = 0; i < calls * MANY; i++) {
        const id = ids.take(i)
        const held = store.hold({ id, lines, ttlMs, onExpire })
        if (!('kind' in held) || held.kind !== 'held') await heldLater(held)
        const captured = store.capture({ id, holdId: id, amount: 1, overage: 'cap' })
        if (!('kind' in captured)) await captured
        if (i % Math.ceil(most / 4) === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

async function heldLater(held: ReturnType<HoldingEnforcer['hold']>): Promise<void> {
  const answer = await held
  if (answer.kind !== 'held') throw new Error(answer.reason)
}

const LINES = [
  { most: 1_000, goal: 1 / 900 },
  { most: 100, goal: undefined },
  { most: 10_000, goal: undefined },
] as const

const variantOf = (most: number): string => `calls from leases of ${most}`

export const goal: Goal = {
  id: 'P9',
  title: 'calls that are decided from leases, against a round trip for each hold and each capture, on the same Redis',
  variants: Object.fromEntries(LINES.map(({ most }) => [variantOf(most), () => leasesAgainstRoundTrips(most)])),
  async *measure(run) {
    for (const { most, goal: atMost } of LINES) {
      const figures = await run(variantOf(most))
      // A block of ours has a thousand calls for each of theirs.
      const [p10, paired] = [figure(figures, 'ours.p10') / MANY, figure(figures, 'ours.paired') / MANY]
      const [ours, peer] = [figure(figures, 'ours') / MANY, figure(figures, 'peer')]
      const times = (ratio: number): string => `${Math.round(1 / ratio)}×`
      yield {
        what: variantOf(most),
        unit: '×',
        value: Math.max(p10, paired),
        ...(atMost !== undefined && { goal: atMost }),
        control: controlOf(figures, 'control'),
        note: `p10 ${times(p10)}, paired ${times(paired)} as many  ${ours.toFixed(0)} ns against ${(peer / 1_000).toFixed(1)} µs at best`,
      }
    }
  },
}
