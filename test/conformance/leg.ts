import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Revision, SUITE } from './requirements.js'
import { readSummary, type Summary } from './summary.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const CLIENT = fileURLToPath(new URL('client.ts', import.meta.url))

export interface Leg {
  readonly sdk: 'v1' | 'v2'
  readonly revision: Revision
}

/** What one scenario's client did and paid. */
export interface JournalEntry {
  readonly scenario: string
  readonly made: number
  readonly answered: number
  readonly spent: number
  readonly held: number
}

export interface ClientRun {
  readonly exitCode: number | null
  /** The suite's own table, for the message of a failed test. */
  readonly table: string
  readonly summary: Summary
  readonly journal: readonly JournalEntry[]
}

/** Runs every scenario that a revision lists against the client in client.ts. `node` is a Node ≥ 22, for the suite. */
export async function runClientLeg(node: string, leg: Leg, seat?: '--wrap' | '--wrap-async'): Promise<ClientRun> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-budget-conformance-'))
  try {
    // The suite hands this to a shell, where a bare `node` would be the one that runs the suite.
    const client = [process.execPath, '--import', 'tsx', CLIENT].map((word) => `"${word}"`)
    const command = [...client, leg.sdk, ...(seat === undefined ? [] : [seat])].join(' ')
    const args = [
      SUITE,
      'client',
      '--command',
      command,
      '--requirements',
      leg.revision,
      '--timeout',
      '60000',
      '-o',
      folder,
    ]
    const journal = join(folder, 'journal.jsonl')
    const { exitCode, output } = await run(node, args, { ...process.env, CONFORMANCE_JOURNAL: journal })
    return {
      exitCode,
      table: output.slice(output.lastIndexOf('=== SUITE SUMMARY ===')),
      summary: await readSummary(folder),
      journal: seat === undefined ? [] : await readJournal(journal),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function run(
  node: string,
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ exitCode: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    // tsx looks for tsconfig.json, where the package's own name is mapped to its sources, in the working folder.
    const child = spawn(node, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
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

async function readJournal(file: string): Promise<JournalEntry[]> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n')
  return lines.map((line) => JSON.parse(line) as JournalEntry)
}
