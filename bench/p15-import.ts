import { compare, comparisonFigures } from './support/interleave.js'
import { controlOf, figure, quietly, ratioOf, type Figures, type Goal } from './support/goal.js'
import { median } from './support/stats.js'
import { runNode } from './support/processes.js'

const ROUNDS = 40
const SDK = '@modelcontextprotocol/sdk/client/index.js'

/** Prints how long the import took, in a process that has loaded nothing else. */
const TIMED = `
  const started = performance.now()
  await import(process.argv[1])
  console.log(performance.now() - started)`

/** Prints the files that were loaded: modules by a hook, scripts by the cache of \`require\`. */
const COUNTED = `
  import { createRequire, register } from 'node:module'
  register('data:text/javascript,' + encodeURIComponent(\`
    export async function load(url, context, next) {
      process._rawDebug('@loaded ' + url)
      return next(url, context)
    }\`))
  await import(process.argv[1])
  for (const file of Object.keys(createRequire(import.meta.url).cache)) console.log('@loaded file://' + file)`

async function importMs(specifier: string): Promise<number> {
  return Number(await runNode(['--input-type=module', '-e', TIMED, specifier]))
}

async function modulesOf(specifier: string): Promise<number> {
  const output = await runNode(['--input-type=module', '-e', COUNTED, specifier])
  const files = output.matchAll(/@loaded file:\/\/(\S+)/g)
  return new Set(Array.from(files, ([, file]) => file)).size
}

/** Processes of three kinds take turns; each loads one thing. */
async function importTimes(): Promise<Figures> {
  const ours = packageUrl()
  const times = { sdk: [] as number[], ours: [] as number[], control: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    times.sdk.push(await importMs(SDK))
    times.ours.push(await importMs(ours))
    times.control.push(await importMs(SDK))
  }
  return {
    ...comparisonFigures('ours', compare(times.sdk, times.ours)),
    ...comparisonFigures('control', compare(times.sdk, times.control)),
    sdk: median(times.sdk),
    ours: median(times.ours),
  }
}

function packageUrl(): string {
  return process.env['BENCH_PACKAGE'] ?? ''
}

export const goal: Goal = {
  id: 'P15',
  title: 'the import of the root entry, against that of the SDK v1 client',
  variants: {},
  async *measure() {
    const figures = await quietly(importTimes, 'control')
    const control = controlOf(figures, 'control')
    const { value, note } = ratioOf(figures, 'ours')
    const ms = `${figure(figures, 'ours').toFixed(1)} of ${figure(figures, 'sdk').toFixed(1)} ms`
    yield { what: 'time of the import', unit: '×', value, goal: 0.1, control, note: `${note}  ${ms}` }
    yield { what: 'modules of the root entry', unit: '', value: await modulesOf(packageUrl()) }
    yield { what: 'modules of the SDK client', unit: '', value: await modulesOf(SDK) }
  },
}
