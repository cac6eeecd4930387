import {
  BudgetEvents,
  CutoverReport,
  InMemoryBudgetEnforcer,
  meter,
  refusalOf,
  wrapClient,
  wrapServerFactory,
  wrapTransport,
  type BudgetOptions,
  type CallMiddleware,
  type CostProfileOptions,
  type ServerFactory,
} from 'mcp-budget'
import { asyncEnforcer } from 'mcp-budget/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import { Random } from '../../src/testing/random.js'
import { LINK_NAMES, recordedLink, type LinkName, type Parts, type RecordedLink } from '../support/recorded-link.js'

const CALLS = 1_000

/** What the two budgets have: credits, and calls. */
const CREDITS = [3_300, 760] as const

const prices: CostProfileOptions = {
  costs: {
    echo: 3,
    fail: { price: 8, failed: 1 },
    usage: { max: 20, metered: { meta: 'example.com/usage', pointer: '/credits' } },
    throw: 4,
    slow: 10,
  },
}

type Steps = readonly CallMiddleware[]
const steps = (list: Steps): readonly [] => list as readonly []

/** Where the steps sit: around one of the parts of a link. */
const SEATS = {
  wrapTransport: (parts: Parts, list: Steps): Parts => ({ ...parts, near: wrapTransport(parts.near, ...steps(list)) }),
  wrapClient: (parts: Parts, list: Steps): Parts => ({ ...parts, client: wrapClient(parts.client, ...steps(list)) }),
  wrapServerFactory: (parts: Parts, list: Steps): Parts => ({
    ...parts,
    server: wrapServerFactory(parts.server as ServerFactory, ...steps(list)),
  }),
  'wrapTransport at the server': (parts: Parts, list: Steps): Parts => ({
    ...parts,
    far: wrapTransport(parts.far, ...steps(list)),
  }),
} satisfies Record<string, (parts: Parts, list: Steps) => Parts>

const STORES = {
  'at once': (memory: InMemoryBudgetEnforcer) => memory,
  later: (memory: InMemoryBudgetEnforcer) => asyncEnforcer(memory),
}

const ROWS = [
  ['wrapTransport', 'at once'],
  ['wrapTransport', 'later'],
  ['wrapClient', 'at once'],
  ['wrapServerFactory', 'at once'],
  ['wrapServerFactory', 'later'],
  ['wrapTransport at the server', 'at once'],
] as const

interface Recorded {
  /** What each call gave its caller: beyond a seat around the client there is no transport to look at. */
  readonly answers: readonly string[]
  readonly tapes: RecordedLink['tapes']
  readonly executions: ReturnType<RecordedLink['executions']>
  /** Calls that came back as refusals, by number. */
  readonly refused: readonly string[]
  /** What the report of shadow mode lists. */
  readonly listed: readonly string[]
  readonly left: readonly number[]
}

/** The same 1,000 calls each time, one after the other. */
async function record(
  name: LinkName,
  seat?: keyof typeof SEATS,
  mode?: BudgetOptions['mode'],
  store: keyof typeof STORES = 'at once',
): Promise<Recorded> {
  const memory = new InMemoryBudgetEnforcer()
  memory.initialize('agent-1', CREDITS[0])
  memory.initialize('quota', CREDITS[1])
  const events = new BudgetEvents()
  const report = new CutoverReport({ events })
  const numbers = new Map<string, unknown>()
  const budget = {
    enforcer: STORES[store](memory),
    budget: ['agent-1', { budget: 'quota', unit: 'calls' }],
    // A capture that is under way would be a race with the next call.
    awaitCapture: true,
    events,
    ...(mode && { mode }),
  } as const
  const numbered: CallMiddleware = {
    name: 'numbered',
    enter: (call) => (numbers.set(call.id, call.args?.['n']), call),
  }
  const list = [numbered, meter({ ...budget, prices })]
  const link = await recordedLink(name, seat === undefined ? undefined : (parts) => SEATS[seat](parts, list))
  const answers: string[] = []
  const refused: string[] = []
  const random = new Random(19)
  for (let n = 0; n < CALLS; n++) {
    const [tool, args] = nextCall(random)
    const caller = new AbortController()
    const slow = link.executions().slow
    const answer = link.call(tool, { ...args, n }, { signal: caller.signal }).catch((error: unknown) => error)
    if (args['cancel'] === true) {
      await Promise.race([answer, began(link, slow)])
      caller.abort('enough')
    }
    const given = await answer
    answers.push(given instanceof Error ? `${given.name}: ${given.message}` : JSON.stringify(given))
    const refusal = refusalOf(given)
    if (refusal !== undefined) refused.push(`${n} ${tool} ${refusal.reason}`)
  }
  await link.close()
  const listed = report
    .summary()
    .refusedCalls.map((each) => `${String(numbers.get(each.chargeId))} ${each.tool} ${each.reason}`)
  const left = [memory.remaining('agent-1'), memory.remaining('quota')]
  return { answers, tapes: link.tapes, executions: link.executions(), refused, listed, left }
}

function nextCall(random: Random): [tool: string, args: Record<string, unknown>] {
  const tool = random.pick(['echo', 'echo', 'echo', 'fail', 'usage', 'usage', 'throw', 'slow', 'nothing'])
  if (tool === 'echo') return [tool, { text: `${random.int(1_000)} ö€😀` }]
  if (tool === 'throw') return [tool, { code: random.pick([-32602, -32603, 1234]) }]
  if (tool === 'slow') return [tool, random.chance(0.5) ? { ms: 60_000, cancel: true } : { ms: 0 }]
  return [tool, {}]
}

async function began(link: RecordedLink, before: number): Promise<void> {
  while (link.executions().slow === before) await new Promise((resolve) => setImmediate(resolve))
}

describe.each(LINK_NAMES)('a recorded run of 1,000 calls, %s', (name) => {
  let bare: Recorded
  beforeAll(async () => {
    bare = await record(name)
  })

  test('is the same each time without a seat', async () => {
    const again = await record(name)
    expect([again.tapes, again.answers]).toEqual([bare.tapes, bare.answers])
    expect(bare.tapes.wire.length).toBeGreaterThan(CALLS * 1.9)
    expect(bare.tapes.server).toHaveLength(bare.tapes.client.length)
  })

  test.each(ROWS)(
    'with %s in shadow mode, and a store that answers %s, is byte for byte the same, and the report lists what hard mode refuses [I19, seed-001:mode-shadow]',
    async (seat, store) => {
      const shadow = await record(name, seat, 'shadow', store)
      expect(shadow.tapes).toEqual(bare.tapes)
      expect(shadow.answers).toEqual(bare.answers)
      expect(shadow.executions).toEqual(bare.executions)
      expect(shadow.left).toEqual(CREDITS)

      const hard = await record(name, seat, 'hard', store)
      expect(shadow.listed).toEqual(hard.refused)
      const reasons = new Set(hard.refused.map((each) => each.split(' ')[2]))
      expect(reasons).toEqual(new Set(['unpriced', 'insufficient', 'exhausted']))
      expect(hard.refused.length).toBeLessThan(CALLS / 2)
    },
  )
})
