import { built } from './support/built.js'
import { compare, comparisonFigures, interleave, type Blocks, type Side } from './support/interleave.js'
import { controlOf, quietly, ratioOf, type Figures, type Goal } from './support/goal.js'
import { fullMeter, PASS_THROUGH } from './support/full-meter.js'
import { WIRES, type Call } from './support/wires.js'

type WireName = keyof typeof WIRES

const PASS_GOAL = 1.01
const GOALS: Readonly<Record<WireName, number>> = {
  'v1 in-memory': 1.03,
  'v2 in-memory, 2025-11-25': 1.02,
  'v2 in-memory, 2026-07-28': 1.02,
  'v1 stdio': 1.02,
  'v2 stdio, 2025-11-25': 1.02,
  'v2 stdio, 2026-07-28': 1.02,
  'v1 HTTP': 1.01,
  'v2 HTTP, 2025-11-25': 1.01,
  'v2 HTTP, 2026-07-28': 1.01,
}

/** Four clients take turns: two bare ones, one through a step that does nothing, one with everything. */
async function measureWire(wire: WireName): Promise<Figures> {
  const connect = await WIRES[wire]()
  const { meter } = fullMeter()
  const times = await interleave(
    [
      side('bare', await connect((transport) => transport)),
      side('pass', await connect((transport) => built.wrapTransport(transport, PASS_THROUGH))),
      side('control', await connect((transport) => transport)),
      side('full', await connect((transport) => built.wrapTransport(transport, meter))),
    ],
    blocksOn(wire),
  )
  return {
    ...comparisonFigures('full', compare(times.bare, times.full)),
    ...comparisonFigures('pass', compare(times.bare, times.pass)),
    ...comparisonFigures('control', compare(times.bare, times.control)),
  }
}

function side<Name extends string>(name: Name, call: Call): Side & { readonly name: Name } {
  return {
    name,
    async block(calls) {
      for (let i = 0; i < calls; i++) await call()
    },
  }
}

function blocksOn(wire: WireName): Blocks {
  if (wire.includes('in-memory')) return { calls: 60, blocks: 2_000, warmUp: 200 }
  if (wire.includes('stdio')) return { calls: 60, blocks: 400, warmUp: 40 }
  return { calls: 60, blocks: 150, warmUp: 15 }
}

export const goal: Goal = {
  id: 'P1',
  title: 'an MCP round trip with full enforcement, against the bare SDK',
  variants: Object.fromEntries(Object.keys(WIRES).map((wire) => [wire, () => measureWire(wire as WireName)])),
  async *measure(run) {
    for (const [wire, atMost] of Object.entries(GOALS)) {
      const figures = await quietly(() => run(wire), 'control')
      const control = controlOf(figures, 'control')
      yield {
        what: `${wire}: price, hold, capture, ledger, event`,
        unit: '×',
        ...ratioOf(figures, 'full'),
        goal: atMost,
        control,
      }
      yield { what: `${wire}: pass-through`, unit: '×', ...ratioOf(figures, 'pass'), goal: PASS_GOAL, control }
    }
  },
}
