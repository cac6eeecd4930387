import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { type Leg, type LegRun, runSuite } from './leg.js'
import type { CallCounts } from './call-log.js'
import type { Settled } from './metering.js'

export interface ServerRun extends LegRun {
  /** The exit code of the server under test. */
  readonly serverExit: number | null
  /** What it ran; what that cost, where it has a seat. */
  readonly calls: CallCounts & Partial<Settled>
}

/** What a leg is run with: a Node ≥ 22 for the suite, and the server under test as a program for this Node. */
export interface Suite {
  readonly node: string
  readonly server: string
}

/** Runs every scenario that a revision lists against one process of the server, bare or behind a seat with a store. */
export async function runServerLeg(
  { node, server }: Suite,
  leg: Leg,
  seat: readonly string[] = [],
): Promise<ServerRun> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-budget-conformance-'))
  const child = spawn(process.execPath, [server, leg.sdk, ...seat], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exit = once(child, 'close')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const line = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error('the server under test ended before its time')
    return value
  }
  try {
    const ran = await runSuite(node, 'server', leg.revision, { folder, args: ['--url', await line()] })
    child.stdin.end()
    const calls = JSON.parse(await line()) as ServerRun['calls']
    return { ...ran, calls, serverExit: ((await exit) as [number | null])[0] }
  } finally {
    child.kill()
    await rm(folder, { recursive: true, force: true })
  }
}
