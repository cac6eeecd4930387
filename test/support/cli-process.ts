import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { Ran } from './cli.js'

interface Bundler {
  build(options: object): Promise<unknown>
}

/** A folder with the command in it. */
export interface CliFolder {
  readonly path: string
}

/**
 * A folder of this file's tests, with the command in it, as `npm install` puts it on the path of scripts. The command
 * is made one file of the sources first: it starts several times as fast.
 */
export function cliFolder(): CliFolder {
  let path = ''
  // Within this repository, where drivers are found.
  const built = resolve(`temp/cli-${process.pid}-${Date.now()}`)
  beforeAll(async () => {
    path = realpathSync(mkdtempSync(join(tmpdir(), 'mcp-budget-cli-')))
    mkdirSync(built, { recursive: true })
    const { build } = createRequire(realpathSync('node_modules/tsup/package.json'))('esbuild') as Bundler
    const main = join(built, 'cli.mjs')
    const options = { bundle: true, platform: 'node', format: 'esm', packages: 'external', logLevel: 'silent' }
    await build({ entryPoints: ['src/cli/main.ts'], outfile: main, ...options })
    const file = join(path, 'mcp-budget')
    writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`)
    chmodSync(file, 0o755)
  }, 60_000)
  afterAll(() => {
    rmSync(path, { recursive: true, force: true })
    rmSync(built, { recursive: true, force: true })
  })
  return {
    get path() {
      return path
    },
  }
}

/** How a script is run. */
export interface Shell {
  /** The folder that it runs in, with the command in it. */
  readonly folder: CliFolder
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Given what sends a signal to the shell, or to what it was replaced by with `exec`. */
  readonly onStart?: (kill: (signal: NodeJS.Signals) => void) => void
}

/** Runs a script as a person would type it, by `sh`, with `mcp-budget` on the path. */
export function shell(script: string, { folder, env, input = '', onStart }: Shell): Promise<Ran> {
  return new Promise((done, fail) => {
    const { NO_COLOR: _, MCP_BUDGET_STORE: __, PATH = '', ...rest } = process.env
    const paths = { PATH: `${folder.path}:${PATH}`, ...env }
    const child = spawn('/bin/sh', ['-c', script], { cwd: folder.path, env: { ...rest, ...paths } })
    let [out, err] = ['', '']
    child.stdout.on('data', (data: Buffer) => (out += data.toString()))
    child.stderr.on('data', (data: Buffer) => (err += data.toString()))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    child.on('error', fail)
    child.on('close', (code) => done({ code: code ?? -1, out, err }))
    onStart?.((signal) => child.kill(signal))
  })
}
