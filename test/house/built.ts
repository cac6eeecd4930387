import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { importsOf, sourceFiles } from './imports.js'

export type Format = 'import' | 'require'
export type Condition = 'node' | 'default'

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>
  readonly imports: Readonly<Record<string, unknown>>
}

export const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest

/** What a built entry loads, with all that it loads: files of dist/, and names that are not files. */
export interface Walk {
  readonly files: readonly string[]
  /** Packages and builtins. */
  readonly names: readonly string[]
}

/** Follows a built entry from file to file, as a runtime with these conditions would. */
export function walk(subpath: string, format: Format, condition: Condition): Walk {
  const files = new Set<string>()
  const names = new Set<string>()
  const queue = [target(manifest.exports[subpath], [format, condition, 'default'])]
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (files.has(file)) continue
    files.add(file)
    for (const { specifier } of importsOf(file, readFileSync(file, 'utf8'))) {
      if (specifier.startsWith('.')) queue.push(posix.join(posix.dirname(file), specifier))
      else if (specifier in manifest.imports)
        queue.push(target(manifest.imports[specifier], [condition, format, 'default']))
      else names.add(specifier)
    }
  }
  return { files: [...files].sort(), names: [...names].sort() }
}

/** The first target whose conditions hold; `types` never does here. */
function target(entry: unknown, conditions: readonly string[]): string {
  if (typeof entry === 'string') return posix.normalize(entry)
  for (const [condition, inner] of Object.entries(entry as Record<string, unknown>)) {
    if (condition === 'default' || conditions.includes(condition)) return target(inner, conditions)
  }
  throw new Error(`no target for ${conditions.join(', ')} in ${JSON.stringify(entry)}`)
}

/** The package tests judge what is built; an older build would make them lie. */
export function assertFreshBuild(): void {
  const newest = Math.max(...sourceFiles('src').map((file) => statSync(join('src', file)).mtimeMs))
  const outputs = ['dist/index.js', 'dist/index.cjs', 'dist/index.d.ts', 'dist/index.d.cts']
  const stale = outputs.filter((file) => !existsSync(file) || statSync(file).mtimeMs < newest)
  if (stale.length > 0) throw new Error(`${stale.join(', ')}: missing or older than src/. Run \`npm run build\` first.`)
}
