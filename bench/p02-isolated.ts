import { built } from './support/built.js'
import { caller, StubTransport } from './support/stub-transport.js'
import { allocationOf } from './support/allocation.js'
import { compare, comparisonFigures, interleave, type Side } from './support/interleave.js'
import { controlOf, figure, quietly, type Figures, type Goal } from './support/goal.js'
import { fullMeter, PASS_THROUGH } from './support/full-meter.js'
import { median, p10 } from './support/stats.js'

const BLOCKS = { calls: 2_000, blocks: 300, warmUp: 60 }

type Wrap = (inner: StubTransport) => StubTransport

const bare: Wrap = (inner) => inner
const passThrough: Wrap = (inner) => built.wrapTransport(inner, PASS_THROUGH)
const full: Wrap = (inner) => built.wrapTransport(inner, fullMeter().meter)

/** What a wrapper adds to a call that costs nothing itself, in nanoseconds. */
async function added(wrap: Wrap): Promise<Figures> {
  const times = await interleave([side('bare', bare), side('wrapped', wrap), side('control', wrap)], BLOCKS)
  return {
    ...comparisonFigures('control', compare(times.wrapped, times.control)),
    'added.p10': p10(times.wrapped) - p10(times.bare),
    'added.median': median(times.wrapped) - median(times.bare),
    bare: p10(times.bare),
  }
}

function side<Name extends string>(name: Name, wrap: Wrap): Side & { readonly name: Name } {
  return { name, block: callsThrough(wrap) }
}

function callsThrough(wrap: Wrap): (calls: number) => Promise<void> {
  const inner = new StubTransport()
  return caller(wrap(inner), inner)
}

export const goal: Goal = {
  id: 'P2',
  title: 'what a call costs besides the transport: full enforcement against a step that does nothing',
  variants: {
    'pass-through': () => added(passThrough),
    full: () => added(full),
    'bare allocation': () => allocationOf(callsThrough(bare)),
    'pass-through allocation': () => allocationOf(callsThrough(passThrough)),
    'full allocation': () => allocationOf(callsThrough(full)),
  },
  async *measure(run) {
    const pass = await quietly(() => run('pass-through'), 'control')
    const all = await quietly(() => run('full'), 'control')
    const control = [...controlOf(pass, 'control'), ...controlOf(all, 'control')]
    const note = `p10; medians ${(figure(all, 'added.median') / figure(pass, 'added.median')).toFixed(2)}×`
    const value = figure(all, 'added.p10') / figure(pass, 'added.p10')
    yield { what: 'added by full enforcement / by pass-through', value, unit: '×', goal: 4, control, note }
    yield { what: 'added by pass-through', value: figure(pass, 'added.p10'), unit: 'ns' }
    yield { what: 'added by full enforcement', value: figure(all, 'added.p10'), unit: 'ns' }

    const flags = ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128']
    const none = await run('bare allocation', ...flags)
    for (const [name, atMost] of [
      ['pass-through', undefined],
      ['full', 2],
    ] as const) {
      const some = await run(`${name} allocation`, ...flags)
      const more = (what: string): number => figure(some, what) - figure(none, what)
      yield { what: `${name}: bytes allocated per call`, value: more('bytes'), unit: 'B' }
      yield {
        what: `${name}: heap objects allocated per call`,
        value: more('objects'),
        unit: '',
        ...(atMost !== undefined && { goal: atMost }),
      }
    }
  },
}
