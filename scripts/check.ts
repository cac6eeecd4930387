/**
 * The gate: `npm test`. Two steps at a time, one line per step, the whole output of the first that fails, and the
 * counts of the tests as the last thing on the screen.
 *
 * `--long` gives the tests `MCP_BUDGET_LONG=1`: more seeds, longer runs. And where nobody set `MCP_BUDGET_SEED` it draws
 * one for this run, and prints it; without `--long` it is always the same.
 */
import { randomInt } from 'node:crypto'
import { run, type Run } from './run.js'

interface Step {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  readonly minutes: number
  readonly env?: Readonly<Record<string, string>>
  /** What of its output a reader wants to see when it passed. */
  readonly show?: (output: string) => string
}

const node = process.execPath
const bin = (path: string, ...args: string[]): [string, ...string[]] => [node, `node_modules/${path}`, ...args]
const script = (path: string, ...args: string[]): [string, ...string[]] => [node, '--import', 'tsx', path, ...args]
const long = process.argv.includes('--long')
const seed = process.env['MCP_BUDGET_SEED'] ?? String(randomInt(2 ** 31))

/** The steps of one list need nothing of each other; a list needs all lists before it. */
const phases: readonly (readonly Step[])[] = [
  [
    { name: 'lint', command: bin('eslint/bin/eslint.js', '.', '--max-warnings', '0'), minutes: 4 },
    { name: 'typecheck', command: bin('typescript/bin/tsc', '--noEmit'), minutes: 3 },
    { name: 'build', command: bin('tsup/dist/cli-default.js'), minutes: 3 },
    { name: 'format', command: bin('prettier/bin/prettier.cjs', '--check', '.'), minutes: 2 },
  ],
  [
    { name: 'examples', command: script('scripts/examples.ts'), minutes: 4, show: lastLine },
    { name: 'publint', command: bin('publint/src/cli.js', '--strict'), minutes: 1 },
    {
      name: 'attw',
      command: bin('@arethetypeswrong/cli/dist/index.js', '--pack', '.', '--profile', 'node16'),
      minutes: 2,
    },
    { name: 'size', command: bin('size-limit/bin.js'), minutes: 2, show: sizes },
  ],
  [
    {
      name: 'tests',
      command: bin('vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=./scripts/gate-reporter.ts'),
      minutes: long ? 120 : 10,
      ...(long && { env: { MCP_BUDGET_LONG: '1', MCP_BUDGET_SEED: seed } }),
    },
  ],
]

const started = performance.now()
if (long) console.log(`MCP_BUDGET_SEED=${seed} draws the same once more.\n`)
let summary = ''
for (const phase of phases) await inPairs(phase)
console.log(`\n${summary}\nThe gate passed in ${seconds((performance.now() - started) / 1000)}.`)

async function inPairs(steps: readonly Step[]): Promise<void> {
  const queue = [...steps]
  const failure = new AbortController()
  const worker = async (): Promise<void> => {
    for (let step = queue.shift(); step !== undefined && !failure.signal.aborted; step = queue.shift()) {
      const { name, command, minutes, env, show } = step
      const done = await run(command, { timeoutMs: minutes * 60_000, signal: failure.signal, ...(env && { env }) })
      if (failure.signal.aborted) return
      if (!done.ok) {
        failure.abort()
        fail(name, done)
        return
      }
      const shown = show?.(done.output)
      console.log(`ok    ${name.padEnd(12)} ${seconds(done.seconds).padStart(7)}${shown ? `   ${shown}` : ''}`)
      if (name === 'tests') summary = testSummary(done.output)
    }
  }
  await Promise.all([worker(), worker()])
  if (failure.signal.aborted) process.exit(1)
}

function fail(name: string, done: Run): void {
  process.stdout.write(`${done.output.trimEnd()}\n\nFAIL  ${name}: ${done.why}, after ${seconds(done.seconds)}\n`)
}

/** From the line of vitest that counts the files, to the end. */
function testSummary(output: string): string {
  const at = output.search(/^ *Test Files /m)
  return at === -1 ? output.trimEnd() : output.slice(at).trimEnd()
}

function sizes(output: string): string {
  const found = /Size:\s+([\d.]+ \S+)/.exec(output)
  return found?.[1] === undefined ? '' : `${found[1]}, brotli`
}

function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1) ?? ''
}

function seconds(value: number): string {
  return `${value.toFixed(1)} s`
}
