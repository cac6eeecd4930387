import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import { builtRedis } from './support/built-redis.js'
import { ChargeIds } from './support/charge-ids.js'
import { compare, comparisonFigures, interleave, type Side } from './support/interleave.js'
import { controlOf, figure, ratioOf, type Figures, type Goal } from './support/goal.js'
import { startRedis } from '../test/support/servers/redis.js'
import type { Authority, LineWindow } from 'mcp-budget'

const HOUR_MS = 3_600_000
const TOKEN: Authority = {
  tenant: 'default',
  budget: 'default/agent-1',
  registrations: [],
  prefixIds: ['a'.repeat(43), 'b'.repeat(43)],
  nonce: 'n'.repeat(22),
  issuedAt: 1,
  ceilings: [{ prefixId: 'b'.repeat(43), limit: 1e15 }],
  calls: [],
  rates: [],
}

/** How many are under way at once, and how they are compared. */
interface Load {
  readonly inFlight: number
  readonly calls: number
  readonly blocks: number
}

const ALONE: Load = { inFlight: 1, calls: 50, blocks: 100 }
const MANY: Load = { inFlight: 1_000, calls: 4_000, blocks: 20 }

/** One of ours beside two equal peers, on one server. */
async function besidePeer(make: (client: Redis) => Promise<Side>, load: Load, peer = consume): Promise<Figures> {
  const server = await startRedis()
  const clients = Array.from({ length: 3 }, () => new Redis(server.url))
  try {
    const [mine, first, second] = clients as [Redis, Redis, Redis]
    const ours = { ...(await make(mine)), name: 'ours' as const }
    const sides = [peer('peer', first, load), ours, peer('control', second, load)]
    const times = await interleave(sides, { calls: load.calls, blocks: load.blocks, warmUp: 5 })
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

/** Keeps so many under way until all were made. */
async function inFlight(count: number, calls: number, make: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < calls) await make(next++)
  }
  await Promise.all(Array.from({ length: Math.min(count, calls) }, lane))
}

function consume<Name extends string>(name: Name, client: Redis, load: Load): Side & { readonly name: Name } {
  const limiter = new RateLimiterRedis({ storeClient: client, points: 1e15, duration: 86_400, keyPrefix: name })
  return { name, block: (calls) => inFlight(load.inFlight, calls, () => limiter.consume('agent-1', 5)) }
}

/** A script that does nothing, as fast as a client can send it. */
function nothing<Name extends string>(name: Name, client: Redis, load: Load): Side & { readonly name: Name } {
  const sha = client.script('LOAD', 'return 1') as Promise<string>
  return {
    name,
    block: async (calls) => {
      const known = await sha
      await inFlight(load.inFlight, calls, () => client.call('EVALSHA', known, '0'))
    },
  }
}

/** Holds; `full`: by a token with a ceiling, on a second budget too, which has windows. The ledger is on. */
function holds(load: Load, full: boolean): (client: Redis) => Promise<Side> {
  return async (client) => {
    const enforcer = new builtRedis.RedisBudgetEnforcer({ redis: builtRedis.ioredisPort(client), prefix: 'bench:' })
    for (const budget of ['agent-1', 'hourly']) await enforcer.initialize(budget, 1e15)
    const ids = new ChargeIds()
    const window = hoursAround(Date.now())
    const plain = { budget: 'default/agent-1', amount: 5 }
    const lines = full ? [plain, { budget: 'default/hourly', amount: 5, window }] : [plain]
    const terms = { lines, ttlMs: 120_000, onExpire: 'capture', meta: { tool: 'echo' } } as const
    return {
      name: 'hold',
      prepare: (calls) => ids.prepare(calls),
      block: (calls) =>
        inFlight(load.inFlight, calls, async (i) => {
          const held = await enforcer.hold({ id: ids.take(i), ...terms, ...(full && { authority: TOKEN }) })
          if (held.kind !== 'held') throw new Error(held.reason)
        }),
    }
  }
}

function hoursAround(now: number): LineWindow {
  const start = Math.floor(now / HOUR_MS) * HOUR_MS
  const span = (n: number): [number, number] => [start + n * HOUR_MS, start + (n + 1) * HOUR_MS]
  return { previous: span(-1), current: span(0), next: span(1) }
}

const LINES = [
  { variant: 'hold, one after the other', goal: 1, run: () => besidePeer(holds(ALONE, false), ALONE) },
  { variant: 'hold, 1,000 at once', goal: undefined, run: () => besidePeer(holds(MANY, false), MANY) },
  {
    variant: 'hold with token and window, 1,000 at once',
    goal: 1 / 3,
    run: () => besidePeer(holds(MANY, true), MANY),
  },
  {
    variant: 'hold, 1,000 at once, against an empty script each',
    goal: 1 / 0.7,
    run: () => besidePeer(holds(MANY, false), MANY, nothing),
  },
] as const

export const goal: Goal = {
  id: 'P8',
  title: 'holds in Redis, against one consume of rate-limiter-flexible in the same Redis',
  variants: Object.fromEntries(LINES.map(({ variant, run }) => [variant, run])),
  async *measure(run) {
    for (const { variant, goal: atMost } of LINES) {
      const figures = await run(variant)
      const { value, note } = ratioOf(figures, 'ours')
      const us = (name: string): string => (figure(figures, name) / 1_000).toFixed(1)
      yield {
        what: variant,
        unit: '×',
        value,
        ...(atMost !== undefined && { goal: atMost }),
        control: controlOf(figures, 'control'),
        note: `${note}  ${us('ours')} against ${us('peer')} µs at best`,
      }
    }
  },
}
