import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Revision, SUITE } from './requirements.js'
import { readSummary, type Summary } from './summary.js'

export interface Leg {
  readonly sdk: 'v1' | 'v2'
  readonly revision: Revision
}

/** What one scenario's client did and paid. */
export interface JournalEntry {
  readonly scenario: string
  readonly ran: number
  readonly refused: number
  readonly unanswered: number
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

/** What a leg is run with: a Node ≥ 22 for the suite, and the client under test as a program for this Node. */
export interface Suite {
  readonly node: string
  readonly client: string
}

/** Runs every scenario that a revision lists. */
export async function runClientLeg(suite: Suite, leg: Leg, seat?: '--wrap' | '--wrap-async'): Promise<ClientRun> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-budget-conformance-'))
  try {
    // The suite hands this to a shell, where a bare `node` would be the one that runs the suite.
    const client = [process.execPath, suite.client].map((word) => `"${word}"`)
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
    const { exitCode, output } = await run(suite.node, args, { ...process.env, CONFORMANCE_JOURNAL: journal })
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

async function readJournal(file: string): Promise<JournalEntry[]> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n')
  return lines.map((line) => JSON.parse(line) as JournalEntry)
}
