import { BudgetError } from '../../core/errors.js'
import type { SqliteHandle } from './sqlite-handle.js'

type Open = (file: string) => SqliteHandle

/**
 * Opens a file with what there is: `node:sqlite` where the runtime has it, else the package `libsql`.
 *
 * @throws BudgetError `not_supported` where there is neither
 */
export async function openHandle(file: string): Promise<SqliteHandle> {
  const open = builtIn() ?? (await installed())
  if (open !== undefined) return open(file)
  throw new BudgetError({
    code: 'not_supported',
    message:
      'Expected a Node with `node:sqlite` (22.13 and later), or the package `libsql`, got neither; run `npm install libsql`',
  })
}

function builtIn(): Open | undefined {
  // An import would be resolved where there is none, by bundlers too.
  const { getBuiltinModule: load } = process as { readonly getBuiltinModule?: (this: void, id: string) => unknown }
  const found = load?.('node:sqlite') as { DatabaseSync: new (file: string) => SqliteHandle } | undefined
  return found && ((file) => new found.DatabaseSync(file))
}

async function installed(): Promise<Open | undefined> {
  try {
    const { default: Database } = await import('libsql')
    return (file) => new Database(file) as unknown as SqliteHandle
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}
