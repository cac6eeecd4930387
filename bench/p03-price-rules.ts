import { built } from './support/built.js'
import { compare, comparisonFigures, interleave, type Side } from './support/interleave.js'
import { controlOf, figure, quietly, ratioOf, type Figures, type Goal } from './support/goal.js'
import { fullMeter } from './support/full-meter.js'
import { p10 } from './support/stats.js'
import { WIRES } from './support/wires.js'

const FEW = 10
const MANY = 100_000
/** More names than any memo keeps, so that each is searched for every time. */
const COLD_NAMES = 20_000

/** Half exact names, half wildcards; one of the wildcards prices the tool that is called. */
function rules(count: number): Readonly<Record<string, number>> {
  const half = count / 2
  const exact = Array.from({ length: half }, (_, i) => [`exact_${padded(i)}`, 1] as const)
  const wild = Array.from({ length: half - 1 }, (_, i) => [`wild_${padded(i)}_*`, 1] as const)
  return Object.fromEntries([...exact, ...wild, ['ec*', 5]])
}

function padded(n: number): string {
  return String(n).padStart(6, '0')
}

/** The same client and server, with a price list of each size: two small ones, for the control. */
async function endToEnd(): Promise<Figures> {
  const connect = await WIRES['v1 in-memory']()
  const side = async <Name extends string>(name: Name, count: number): Promise<Side & { readonly name: Name }> => {
    const { meter } = fullMeter(rules(count))
    const call = await connect((transport) => built.wrapTransport(transport, meter))
    return {
      name,
      async block(calls) {
        for (let i = 0; i < calls; i++) await call()
      },
    }
  }
  const sides = [await side('few', FEW), await side('many', MANY), await side('control', FEW)]
  const times = await interleave(sides, { calls: 60, blocks: 1_500, warmUp: 150 })
  return {
    ...comparisonFigures('many', compare(times.few, times.many)),
    ...comparisonFigures('control', compare(times.few, times.control)),
  }
}

/** The price list alone: what it takes to find the rule of a name. */
async function alone(kind: keyof typeof ALONE): Promise<Figures> {
  const names = { [FEW]: namesOf(kind, FEW / 2 - 1), [MANY]: namesOf(kind, MANY / 2 - 1) }
  const profiles = {
    [FEW]: built.compileCostProfile({ costs: rules(FEW) }),
    [MANY]: built.compileCostProfile({ costs: rules(MANY) }),
  }
  // The control asks the same list: where in memory a second one comes to lie is worth more than one percent.
  const side = <Name extends string>(name: Name, count: typeof FEW | typeof MANY): Side & { readonly name: Name } => {
    const profile = profiles[count]
    const asked = names[count]
    let at = 0
    return {
      name,
      block(calls) {
        for (let i = 0; i < calls; i++) {
          at = at + 1 < asked.length ? at + 1 : 0
          if (profile.find(asked[at] as string).kind !== 'priced') throw new Error(`${asked[at]} has no price`)
        }
      },
    }
  }
  const sides = [side('few', FEW), side('many', MANY), side('control', FEW)]
  const times = await interleave(sides, { calls: 5_000, blocks: 300, warmUp: 30 })
  return {
    ...comparisonFigures('many', compare(times.few, times.many)),
    ...comparisonFigures('control', compare(times.few, times.control)),
    few: p10(times.few),
  }
}

/** Cold names are all different, and so many that no memo keeps them, as an agent could make them up. */
function namesOf(kind: keyof typeof ALONE, wildcards: number): string[] {
  switch (kind) {
    case 'exact name':
      return Array.from({ length: 4 }, (_, i) => `exact_${padded(i)}`)
    case 'wildcard, seen before':
      return Array.from({ length: 100 }, (_, i) => `wild_000001_${padded(i)}`)
    case 'wildcard, cold':
      return Array.from({ length: COLD_NAMES }, (_, i) => `wild_${padded(i % 4)}_${padded(i)}`)
    case 'wildcard, cold, another each time':
      return Array.from({ length: COLD_NAMES }, (_, i) => `wild_${padded((i * 7_919) % wildcards)}_${padded(i)}`)
  }
}

const ALONE = {
  'exact name': undefined,
  'wildcard, seen before': undefined,
  'wildcard, cold': 1.4,
  // It informs: how much of the list is in the processor's cache is what this measures.
  'wildcard, cold, another each time': undefined,
} as const

export const goal: Goal = {
  id: 'P3',
  title: '100,000 price rules against 10',
  variants: {
    'end to end': endToEnd,
    ...Object.fromEntries(Object.keys(ALONE).map((kind) => [kind, () => alone(kind as keyof typeof ALONE)])),
  },
  async *measure(run) {
    const whole = await quietly(() => run('end to end'), 'control')
    const control = controlOf(whole, 'control')
    yield { what: 'a call, v1 in-memory, full enforcement', unit: '×', ...ratioOf(whole, 'many'), goal: 1.02, control }
    for (const [kind, atMost] of Object.entries(ALONE)) {
      const figures = await quietly(() => run(kind), 'control')
      const { value, note } = ratioOf(figures, 'many')
      yield {
        what: `the price alone: ${kind}`,
        unit: '×',
        value,
        ...(atMost !== undefined && { goal: atMost }),
        control: controlOf(figures, 'control'),
        note: `${note}  at 10 rules ${figure(figures, 'few').toFixed(0)} ns`,
      }
    }
  },
}
