import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Leg, type LegRun, runSuite } from './leg.js'

/** What one scenario's client did and paid. */
export interface JournalEntry {
  readonly scenario: string
  readonly ran: number
  readonly refused: number
  readonly unanswered: number
  readonly spent: number
  readonly held: number
}

export interface ClientRun extends LegRun {
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
    const journal = join(folder, 'journal.jsonl')
    const env = { CONFORMANCE_JOURNAL: journal }
    const ran = await runSuite(suite.node, 'client', leg.revision, { folder, args: ['--command', command], env })
    return { ...ran, journal: seat === undefined ? [] : await readJournal(journal) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function readJournal(file: string): Promise<JournalEntry[]> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n')
  return lines.map((line) => JSON.parse(line) as JournalEntry)
}
