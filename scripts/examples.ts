/**
 * Runs examples/<story>/main.ts, two at a time. Each checks itself and exits non-zero on a mismatch; `npm run examples
 * -- hello-budget` runs the named ones only.
 */
import { existsSync, readdirSync } from 'node:fs'
import { run } from './run.js'

const TIMEOUT_MS = 60_000

const named = process.argv.slice(2)
const all = readdirSync('examples', { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
const stories = named.length > 0 ? named : all
const queue = [...stories]
let failed = stories.length === 0 ? 1 : 0
if (stories.length === 0) console.log('FAIL  examples/ holds no example')

async function worker(): Promise<void> {
  for (let story = queue.shift(); story !== undefined; story = queue.shift()) {
    const main = `examples/${story}/main.ts`
    if (!existsSync(main)) {
      failed++
      console.log(`FAIL  ${story}: there is no ${main}`)
      continue
    }
    const done = await run([process.execPath, '--import', 'tsx', main], { timeoutMs: TIMEOUT_MS })
    if (!done.ok) failed++
    console.log(done.ok ? `ok    ${story}` : `${done.output.trimEnd()}\nFAIL  ${story}: ${done.why}`)
  }
}

await Promise.all([worker(), worker()])
console.log(failed === 0 ? `${stories.length} examples agree with themselves` : `${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
