import { spawn } from 'node:child_process'
import { type Revision, SUITE } from './requirements.js'
import { readSummary, type Summary } from './summary.js'

/** An SDK generation in the suite of a revision. */
export interface Leg {
  readonly sdk: 'v1' | 'v2'
  readonly revision: Revision
}

/** What the suite found. */
export interface LegRun {
  readonly exitCode: number | null
  /** The suite's own table, for the message of a failed test. */
  readonly table: string
  readonly summary: Summary
}

/** Runs every scenario that a revision lists for one side, on a Node ≥ 22. Leaves what it found in `folder`. */
export async function runSuite(
  node: string,
  side: 'client' | 'server',
  revision: Revision,
  { folder, args, env = {} }: { folder: string; args: readonly string[]; env?: NodeJS.ProcessEnv },
): Promise<LegRun> {
  const all = [SUITE, side, ...args, '--requirements', revision, '--timeout', '150000', '-o', folder]
  const { exitCode, output } = await run(node, all, { ...process.env, ...env })
  const table = output.slice(output.search(/=== (SUITE )?SUMMARY ===/))
  return { exitCode, table, summary: await readSummary(folder) }
}

async function run(
  node: string,
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ exitCode: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const collect = (chunk: Buffer): void => {
      output += chunk.toString()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.on('error', reject)
    child.on('close', (exitCode) => resolve({ exitCode, output }))
  })
}
