import { BudgetError } from '../../core/errors.js'

/** Whether another connection holds the lock. */
export function isBusy(error: unknown): boolean {
  return /SQLITE_BUSY|database is locked/i.test(textOf(error))
}

/** The lock did not come in time. */
export function locked(timeoutMs: number, cause: unknown): BudgetError {
  const message = `Expected the lock of the file within ${timeoutMs} ms, got none: another process holds it`
  return new BudgetError({ code: 'store_unavailable', message, cause })
}

/** What is wrong with a file that cannot be used, in words of this library. */
export function unusable(file: string, cause: unknown): BudgetError {
  if (BudgetError.isInstance(cause)) return cause
  const text = textOf(cause)
  const say = (expected: string, got: string): BudgetError =>
    new BudgetError({ code: 'invalid_store', message: `Expected ${expected} at ${file}, got ${got}`, cause })
  if (/SQLITE_NOTADB|not a database/i.test(text)) return say('a database of SQLite', 'a file of another kind')
  if (/SQLITE_READONLY|readonly database/i.test(text))
    return say('a file that can be written', 'one that can only be read')
  if (/SQLITE_CANTOPEN|unable to open/i.test(text))
    return say('a file in a folder that exists and can be written', 'a path that cannot be opened')
  return say('a database of SQLite', text)
}

/** What is told of a file that could be used when it was opened, and cannot now. */
export function outOfUse(error: unknown): unknown {
  const text = textOf(error)
  const isOfFile =
    /SQLITE_(IOERR|READONLY|FULL|CANTOPEN|NOTADB|CORRUPT)|disk I\/O|readonly database|disk is full|unable to open/i
  if (BudgetError.isInstance(error) || !isOfFile.test(text)) return error
  const message = `Expected a file that can be read and written, got ${text}`
  return new BudgetError({ code: 'store_unavailable', message, cause: error })
}

function textOf(error: unknown): string {
  const { code, message } = Object(error) as { readonly code?: unknown; readonly message?: unknown }
  return `${String(code)}: ${String(message)}`
}
