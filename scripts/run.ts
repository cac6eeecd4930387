import { spawn, type ChildProcess } from 'node:child_process'

/** What a command left behind. */
export interface Run {
  readonly ok: boolean
  /** Why it is not `ok`, in words. */
  readonly why: string
  readonly output: string
  readonly seconds: number
}

export interface RunOptions {
  readonly timeoutMs: number
  readonly env?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

const running = new Set<ChildProcess>()

/** Runs a command to its end, and keeps what it prints. It never outlives its time-out, its signal or this process. */
export function run(command: readonly [string, ...string[]], options: RunOptions): Promise<Run> {
  const [file, ...args] = command
  const started = performance.now()
  return new Promise((resolve) => {
    // A group of its own, so that what it starts (workers, servers of an example) ends with it.
    const child = spawn(file, args, {
      detached: process.platform !== 'win32',
      env: { ...process.env, FORCE_COLOR: undefined, NO_COLOR: '1', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.add(child)
    let output = ''
    let stopped = ''
    const stop = (why: string): void => {
      stopped ||= why
      end(child)
    }
    const timer = setTimeout(() => stop(`not done after ${options.timeoutMs / 1000} s`), options.timeoutMs)
    const onAbort = (): void => stop('stopped, because another step failed')
    options.signal?.addEventListener('abort', onAbort)
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))

    const finish = (why: string): void => {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
      running.delete(child)
      resolve({ ok: why === '', why, output, seconds: (performance.now() - started) / 1000 })
    }
    child.once('error', (error) => finish(error.message))
    child.once('close', (code, signal) => finish(stopped || (code === 0 ? '' : `exit ${code ?? signal}`)))
    if (options.signal?.aborted === true) onAbort()
  })
}

function end(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    if (process.platform === 'win32') child.kill('SIGKILL')
    else process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    for (const child of running) end(child)
    process.exit(1)
  })
}
