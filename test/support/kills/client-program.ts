import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'tsup'

const SOURCE = 'test/support/kills/killed-client.ts'

/** A client that runs, and that somebody will kill. */
export interface KilledClient {
  /** Lets it spend from this budget. */
  begin(budget: string): void
  /** The charges that it was told of, so far. */
  told(): readonly string[]
  /** Ends it at once, and answers with whether it was inside a commit, where it tells. */
  kill(): Promise<{ readonly inCommit: boolean }>
}

/** The program of the clients as one file, which starts in a tenth of the time. */
export interface ClientProgram {
  start(args: readonly string[]): KilledClient
  /** Removes it. */
  remove(): void
}

/** Builds it below `node_modules`, where it finds the drivers. */
export async function buildClientProgram(): Promise<ClientProgram> {
  mkdirSync('node_modules/.cache', { recursive: true })
  const outDir = mkdtempSync('node_modules/.cache/mcp-budget-kills-')
  const target = { target: 'node20', format: 'esm', skipNodeModulesBundle: true } as const
  await build({ entry: [SOURCE], outDir, ...target, silent: true, config: false })
  return {
    start: (args) => start([join(outDir, 'killed-client.js'), ...args]),
    remove: () => rmSync(outDir, { recursive: true, force: true }),
  }
}

function start(args: readonly string[]): KilledClient {
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const endToo = (): void => void child.kill('SIGKILL')
  process.once('exit', endToo)
  // Nobody reads any more what a client is told that was killed.
  child.stdin.on('error', () => {})
  const lines: string[] = []
  let isInCommit = false
  let half = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const printed = (half + text).split('\n')
    half = printed.pop() ?? ''
    for (const line of printed) {
      if (line === '(' || line === ')') isInCommit = line === '('
      else lines.push(line)
    }
  })
  let code: number | null | undefined
  const closed = new Promise<void>((resolve) => {
    child.once('close', (ended) => {
      process.off('exit', endToo)
      code = ended
      resolve()
    })
  })
  return {
    begin: (budget) => void child.stdin.write(`${budget}\n`),
    told() {
      if (typeof code === 'number') throw new Error(`The client ended by itself: ${code}`)
      return lines
    },
    async kill() {
      child.kill('SIGKILL')
      await closed
      if (code !== null) throw new Error(`The client ended by itself: ${code}`)
      return { inCommit: isInCommit }
    },
  }
}
