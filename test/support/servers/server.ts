import { execFile, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

/** A real server that tests talk to. */
export interface TestServer {
  readonly url: string
  /** Where it came from, in words. */
  readonly from: string
  /** Ends it, if it was started here. */
  stop(): Promise<void>
}

/** `TEST_SERVERS=npm` leaves out what the machine has, so that the servers from npm run too. */
export const onlyFromNpm = process.env['TEST_SERVERS'] === 'npm'

/** Where a program of this name stands on PATH. */
export function onPath(name: string): string | undefined {
  return foldersOnPath()
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file))
}

export function foldersOnPath(): string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Starts a program, and waits until `ready` answers with true. What it printed is in the error otherwise. */
export async function startProcess(
  file: string,
  args: readonly string[],
  options: SpawnOptions,
  ready: () => Promise<boolean>,
): Promise<ChildProcess> {
  const child = spawn(file, args, options)
  let printed = ''
  let ended: string | undefined
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (printed = (printed + text).slice(-4_000)))
  }
  child.once('error', (error) => (ended = error.message))
  child.once('exit', (code, signal) => (ended ??= `exit ${code ?? signal}`))
  endWithThisProcess(child)
  const deadline = Date.now() + 60_000
  while (ended === undefined && Date.now() < deadline) {
    if (await ready().catch(() => false)) return child
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await stopProcess(child)
  throw new Error(`${file} did not start: ${ended ?? 'not ready after 60 s'}\n${printed}`)
}

/** Ends a child, kindly at first. */
export async function stopProcess(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  const harder = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await ended
  clearTimeout(harder)
}

/** Ends a process that runs here and those that it has started, with SIGKILL, and waits until they are dead. */
export async function killWithChildren(child: ChildProcess): Promise<void> {
  const { pid } = child
  if (pid === undefined) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  // Read before: an orphan has another parent.
  const children = (await processes()).filter(({ parent }) => parent === pid)
  const all = [pid, ...children.map(({ id }) => id)]
  for (const id of all) {
    try {
      process.kill(id, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
  await ended
  // A zombie is dead; who reaps it may take his time.
  while ((await processes()).some(({ id, isZombie }) => all.includes(id) && !isZombie)) {
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

async function processes(): Promise<{ id: number; parent: number; isZombie: boolean }[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,stat='])
  return stdout.split('\n').map((line) => {
    const [id = '', parent = '', state = ''] = line.trim().split(/\s+/)
    return { id: Number(id), parent: Number(parent), isZombie: state.startsWith('Z') }
  })
}

function endWithThisProcess(child: ChildProcess): void {
  const end = (): void => void child.kill('SIGKILL')
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
}
