import { run } from '../../scripts/run.js'
import type { Figures, RunVariant } from './goal.js'

export const RESULT_MARK = '@figures '

const TIMEOUT_MS = 600_000

/** Runs variants of the goal in `file`, each in a process of its own. */
export function variantRunner(file: string): RunVariant {
  return async (variant, ...flags) => {
    const command = [...flags, '--import', 'tsx', 'bench/support/child.ts', file, variant]
    const output = await runNode(command)
    const line = output.split('\n').find((each) => each.startsWith(RESULT_MARK))
    if (line === undefined) throw new Error(`${variant} measured nothing:\n${output}`)
    return JSON.parse(line.slice(RESULT_MARK.length)) as Figures
  }
}

/** What a Node process prints. */
export async function runNode(args: readonly string[]): Promise<string> {
  const done = await run([process.execPath, ...args], { timeoutMs: TIMEOUT_MS })
  if (!done.ok) throw new Error(`${args.join(' ')}: ${done.why}\n${done.output}`)
  return done.output
}
