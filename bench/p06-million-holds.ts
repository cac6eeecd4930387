import { built } from './support/built.js'
import { ChargeIds } from './support/charge-ids.js'
import { compare, comparisonFigures, interleave, type Side } from './support/interleave.js'
import { controlOf, figure, quietly, ratioOf, type Figures, type Goal } from './support/goal.js'
import { median } from './support/stats.js'
import { timersStarted } from './support/timers.js'

const MILLION = 1_000_000
const THOUSAND = 1_000
const DAY_MS = 86_400_000
/** Ended holds are remembered, up to a number: before that is reached, an end would look as if it took memory. */
const REMEMBERED = 110_000

type Enforcer = InstanceType<typeof built.InMemoryBudgetEnforcer>

function newEnforcer(): Enforcer {
  const enforcer = new built.InMemoryBudgetEnforcer()
  enforcer.initialize('agent-1', 1e15)
  return enforcer
}

function hold(enforcer: Enforcer, id: string): void {
  const meta = { tool: 'echo', server: undefined }
  const lines = [{ budget: 'default/agent-1', amount: 5 }]
  const held = enforcer.hold({ id, lines, ttlMs: DAY_MS, onExpire: 'capture', overdraft: false, meta })
  if (held.kind !== 'held') throw new Error(held.reason)
}

function capture(enforcer: Enforcer, id: string): void {
  const end = enforcer.capture({ id: `${id}.c`, holdId: id, amount: 5, overage: 'cap' })
  if (end.kind !== 'captured') throw new Error(end.reason)
}

/** A store with so many open holds; each operation places one and captures the oldest, as calls end. */
function outstanding<Name extends string>(name: Name, count: number): Side & { readonly name: Name } {
  const enforcer = newEnforcer()
  const ids = new ChargeIds()
  const open: string[] = []
  let oldest = 0
  const block = (calls: number): void => {
    for (let i = 0; i < calls; i++) {
      const id = ids.take(i)
      hold(enforcer, id)
      open.push(id)
      if (open.length - oldest > count) capture(enforcer, open[oldest++] as string)
    }
  }
  const prepare = (calls: number): void => {
    ids.prepare(calls)
    open.splice(0, oldest)
    oldest = 0
  }
  prepare(count + REMEMBERED)
  block(count + REMEMBERED)
  return { name, prepare, block }
}

async function perOperation(): Promise<Figures> {
  const sides = [outstanding('few', THOUSAND), outstanding('many', MILLION), outstanding('control', THOUSAND)]
  const times = await interleave(sides, { calls: 2_000, blocks: 150, warmUp: 20 })
  return {
    ...comparisonFigures('many', compare(times.few, times.many)),
    ...comparisonFigures('control', compare(times.few, times.control)),
  }
}

function memoryOfHolds(): Figures {
  const enforcer = newEnforcer()
  const before = heapAfterGc()
  const timers = timersStarted()
  const ids = new ChargeIds()
  for (let placed = 0; placed < MILLION; placed += THOUSAND) {
    ids.prepare(THOUSAND)
    for (let i = 0; i < THOUSAND; i++) hold(enforcer, ids.take(i))
  }
  const started = timers()
  ids.prepare(0)
  const bytes = (heapAfterGc() - before) / MILLION
  const { openHolds } = enforcer.describe('agent-1')
  if (openHolds !== MILLION) throw new Error(`${openHolds} holds are open`)
  return { bytes, gcMs: gcMs(), timers: started }
}

function memoryOfBudgets(): Figures {
  const enforcer = newEnforcer()
  const before = heapAfterGc()
  for (let i = 0; i < MILLION; i++) enforcer.initialize(budgetName(i), 1_000_000)
  const bytes = (heapAfterGc() - before) / MILLION
  const time = gcMs()
  if (enforcer.remaining(budgetName(MILLION - 1)) !== 1_000_000) throw new Error('a budget is missing')
  return { bytes, gcMs: time }
}

/** The least that objects can be: a map of plain records with the same seven numbers. */
function memoryOfRecords(): Figures {
  const records = new Map<string, object>()
  const before = heapAfterGc()
  for (let i = 0; i < MILLION; i++) {
    const numbers = { in: 1_000_000, available: 1_000_000, held: 0, spent: 0, debt: 0, out: 0, burned: 0 }
    records.set(`default/${budgetName(i)}`, numbers)
  }
  const bytes = (heapAfterGc() - before) / MILLION
  const time = gcMs()
  if (records.size !== MILLION) throw new Error('a record is missing')
  return { bytes, gcMs: time }
}

function budgetName(i: number): string {
  return `agent-${String(i).padStart(7, '0')}`
}

function heapAfterGc(): number {
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

function gcMs(): number {
  return median(
    Array.from({ length: 7 }, () => {
      const started = performance.now()
      collect()
      return performance.now() - started
    }),
  )
}

function collect(): void {
  if (globalThis.gc === undefined) throw new Error('run it with --expose-gc')
  globalThis.gc()
}

export const goal: Goal = {
  id: 'P6',
  title: 'a million holds outstanding, and a million budgets',
  variants: {
    'per operation': perOperation,
    holds: memoryOfHolds,
    budgets: memoryOfBudgets,
    records: memoryOfRecords,
  },
  async *measure(run) {
    const flags = ['--expose-gc', '--max-old-space-size=3072']
    const times = await quietly(() => run('per operation', ...flags), 'control')
    const control = controlOf(times, 'control')
    yield {
      what: 'hold and capture, 1,000,000 open against 1,000',
      unit: '×',
      ...ratioOf(times, 'many'),
      goal: 5,
      control,
    }

    const holds = await run('holds', ...flags)
    yield { what: 'memory of a hold, its id included', unit: 'B', value: figure(holds, 'bytes'), goal: 256 }
    yield { what: 'timers started for a million holds', unit: '', value: figure(holds, 'timers'), goal: 0 }
    yield {
      what: 'full collection with a million holds',
      unit: '',
      value: Math.round(figure(holds, 'gcMs')),
      note: 'ms',
    }

    const budgets = await run('budgets', ...flags)
    const records = await run('records', ...flags)
    const again = await run('records', ...flags)
    const note = `plain records ${figure(records, 'bytes').toFixed(0)} B`
    yield { what: 'memory of a budget, its id included', unit: 'B', value: figure(budgets, 'bytes'), goal: 128, note }
    const value = figure(budgets, 'gcMs') / figure(records, 'gcMs')
    const control2 = `again ${(figure(again, 'gcMs') / figure(records, 'gcMs')).toFixed(2)}`
    yield { what: 'full collection, budgets against plain records', unit: '×', value, goal: 0.4, note: control2 }
  },
}
