import { BudgetError } from '../../core/errors.js'

/** What is used of `node:path`. */
interface Paths {
  resolve(path: string): string
}

/** What is used of the file system. */
interface FileSystem {
  statSync(path: string, options: object): { readonly dev: bigint; readonly ino: bigint } | undefined
}

/**
 * Answers with a check that a path still leads to the file that it leads to now. SQLite goes on with a file that was
 * removed or replaced: it would commit to what nobody can open again. No check where there is no file, as in memory.
 */
export function sameFile(path: string): (() => void) | undefined {
  const { resolve } = builtin<Paths>('node:path')
  // SQLite goes on with the file when the process goes to another folder.
  const there = resolve?.(path) ?? path
  const opened = fileAt(there)
  if (opened === undefined) return undefined
  return () => {
    const now = fileAt(there)
    if (now === opened) return
    const got = now === undefined ? 'none' : 'another'
    const expected = `the file that was opened at ${JSON.stringify(path)}`
    throw new BudgetError({
      code: 'store_unavailable',
      message: `Expected ${expected}, got ${got}; put it back, or open the store again`,
    })
  }
}

/** A file as the system tells it from others. */
function fileAt(path: string): string | undefined {
  const found = builtin<FileSystem>('node:fs').statSync?.(path, { bigint: true, throwIfNoEntry: false })
  return found && `${found.dev} ${found.ino}`
}

// As the driver is asked for: bundles for other places have no such import.
function builtin<Module>(id: string): Partial<Module> {
  const { getBuiltinModule: load } = process as { readonly getBuiltinModule?: (this: void, id: string) => unknown }
  return load?.(id) ?? {}
}
