import { RateLimiterMemory } from 'rate-limiter-flexible'
import { built } from './support/built.js'
import { ChargeIds } from './support/charge-ids.js'
import { compare, comparisonFigures, interleave, type Side } from './support/interleave.js'
import { controlOf, figure, quietly, ratioOf, type Figures, type Goal } from './support/goal.js'
import { p10 } from './support/stats.js'

const REMEMBERED = 100_000
/** More than the store remembers of ended holds, of answers, and the ledger of entries. */
const AGE = 110_000
const BLOCKS = { calls: 500, blocks: 600, warmUp: 100 }

/** One of ours beside two equal peers, in one process. */
async function besidePeer(ours: Side): Promise<Figures> {
  const sides = [peer('peer'), { ...ours, name: 'ours' as const }, peer('control')]
  const times = await interleave(sides, BLOCKS)
  return {
    ...comparisonFigures('ours', compare(times.peer, times.ours)),
    ...comparisonFigures('control', compare(times.peer, times.control)),
    ours: p10(times.ours),
    peer: p10(times.peer),
  }
}

function peer<Name extends string>(name: Name): Side & { readonly name: Name } {
  const limiter = new RateLimiterMemory({ points: 1e15, duration: 86_400 })
  return {
    name,
    async block(calls) {
      for (let i = 0; i < calls; i++) await limiter.consume('agent-1', 5)
    },
  }
}

function holdAndCapture(options: { ledger: boolean }): Side {
  const enforcer = enforcerOf(options)
  const ids = new ChargeIds()
  const side: Side = {
    name: 'hold and capture',
    prepare: (calls) => ids.prepare(calls),
    block(calls) {
      for (let i = 0; i < calls; i++) {
        const id = ids.take(i)
        const meta = { tool: 'echo', server: undefined }
        const lines = [{ budget: 'default/agent-1', amount: 5 }]
        const held = enforcer.hold({ id, lines, ttlMs: 120_000, onExpire: 'capture', overdraft: false, meta })
        const end = enforcer.capture({ id: `${id}.c`, holdId: id, amount: 5, overage: 'cap', lines, meta })
        if (held.kind !== 'held' || end.kind !== 'captured') throw new Error(`${held.kind}, ${end.kind}`)
      }
    },
  }
  return aged(side)
}

function oneShot(options: { ledger: boolean }): Side {
  const enforcer = enforcerOf(options)
  const ids = new ChargeIds()
  const side: Side = {
    name: 'spend',
    prepare: (calls) => ids.prepare(calls),
    block(calls) {
      for (let i = 0; i < calls; i++) {
        const spent = enforcer.spend({ chargeId: ids.take(i), budget: 'default/agent-1', tool: 'echo', cost: 5 })
        if (!spent.allowed) throw new Error(spent.reason)
      }
    },
  }
  return aged(side)
}

function enforcerOf({ ledger }: { ledger: boolean }): InstanceType<typeof built.InMemoryBudgetEnforcer> {
  const enforcer = new built.InMemoryBudgetEnforcer(ledger ? { ledger: new built.MemoryLedger() } : {})
  enforcer.initialize('agent-1', 1e15)
  return enforcer
}

function aged(side: Side): Side {
  side.prepare?.(AGE)
  void side.block(AGE)
  return side
}

/** What it takes to remember the last ids, and no more: every store that answers a repeated request alike does this. */
function rememberIds(): Side {
  const ids = new ChargeIds()
  let young = new Map<string, object>()
  let old = young
  return aged({
    name: 'ids',
    prepare: (calls) => ids.prepare(calls),
    block(calls) {
      for (let i = 0; i < calls; i++) {
        const id = ids.take(i)
        if (young.has(id) || old.has(id)) throw new Error(`${id} came twice`)
        if (young.size >= REMEMBERED / 2) {
          old = young
          young = new Map()
        }
        young.set(id, { id, amount: 5 })
      }
    },
  })
}

const LINES = [
  { variant: 'hold and capture', goal: 0.4, side: () => holdAndCapture({ ledger: false }) },
  { variant: 'hold and capture, with a ledger', goal: undefined, side: () => holdAndCapture({ ledger: true }) },
  { variant: 'spend', goal: 0.1, side: () => oneShot({ ledger: false }) },
  { variant: 'spend, with a ledger', goal: undefined, side: () => oneShot({ ledger: true }) },
  { variant: 'no money at all: 100,000 ids in a map', goal: undefined, side: rememberIds },
] as const

export const goal: Goal = {
  id: 'P5',
  title: 'budget operations in memory, against one consume of rate-limiter-flexible in memory',
  variants: Object.fromEntries(LINES.map(({ variant, side }) => [variant, () => besidePeer(side())])),
  async *measure(run) {
    for (const { variant, goal: atMost } of LINES) {
      const figures = await quietly(() => run(variant), 'control')
      const { value, note } = ratioOf(figures, 'ours')
      const control = controlOf(figures, 'control')
      const ns = `${figure(figures, 'ours').toFixed(0)} against ${figure(figures, 'peer').toFixed(0)} ns`
      yield {
        what: variant,
        unit: '×',
        value,
        ...(atMost !== undefined && { goal: atMost }),
        control,
        note: `${note}  ${ns}`,
      }
    }
  },
}
