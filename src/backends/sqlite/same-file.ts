import { BudgetError } from '../../core/errors.js'

/** What is used of the file system. */
interface FileSystem {
  statSync(path: string, options: object): { readonly dev: bigint; readonly ino: bigint } | undefined
}

/**
 * Answers with a check that a path still leads to the file that it leads to now. SQLite goes on with a file that was
 * removed or replaced: it would commit to what nobody can open again. No check where there is no file, as in memory.
 */
export function sameFile(path: string): (() => void) | undefined {
  const opened = fileAt(path)
  if (opened === undefined) return undefined
  return () => {
    const now = fileAt(path)
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
  // As the driver is asked for: bundles for other places have no such import.
  const { getBuiltinModule: load } = process as { readonly getBuiltinModule?: (this: void, id: string) => unknown }
  const { statSync } = (load?.('node:fs') ?? {}) as Partial<FileSystem>
  const found = statSync?.(path, { bigint: true, throwIfNoEntry: false })
  return found && `${found.dev} ${found.ino}`
}
