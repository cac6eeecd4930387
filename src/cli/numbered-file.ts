import { open, type FileHandle } from 'node:fs/promises'
import { CliError } from './cli-error.js'
import type { ChainRecord } from 'mcp-budget/audit'

/**
 * The records in a file that `ledger export --format numbered` wrote, one after the other.
 *
 * @throws CliError when it is read: for a file that cannot be, and a line that is no record
 */
export async function* numberedRecords(path: string): AsyncGenerator<ChainRecord, void, undefined> {
  const unreadable = (cause: NodeJS.ErrnoException): never => {
    const message = `Expected a file that can be read, got ${cause.code ?? 'a fault'}: ${path}`
    throw new CliError({ slug: 'unreadable_file', message, cause })
  }
  const file = await open(path).catch(unreadable)
  // A folder can be opened, and not be read.
  if ((await file.stat()).isDirectory()) {
    await file.close()
    unreadable(Object.assign(new Error('It is a folder'), { code: 'EISDIR' }))
  }
  let line = 0
  for await (const text of linesOf(file)) {
    line++
    if (text === '') continue
    const record = recordIn(text)
    if (record === undefined) {
      const message = `Expected line ${line} of ${path} to be a numbered record, got another text`
      throw new CliError({ slug: 'unreadable_file', message, hint: 'Export it with `ledger export --format numbered`' })
    }
    yield record
  }
}

// Not `readLines`: from Node 24 on a line ends for it at U+2028 too, which the name of a tool may have.
async function* linesOf(file: FileHandle): AsyncGenerator<string> {
  let rest = ''
  for await (const text of file.createReadStream({ encoding: 'utf8' }) as AsyncIterable<string>) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  yield rest
}

function recordIn(text: string): ChainRecord | undefined {
  try {
    const value = JSON.parse(text) as Partial<ChainRecord> | null
    const { partition, kind, seq, record } = value ?? {}
    const isOne = typeof partition === 'string' && (kind === 'money' || kind === 'call') && Number.isSafeInteger(seq)
    return isOne && typeof record === 'object' && record !== null ? (value as ChainRecord) : undefined
  } catch {
    return undefined
  }
}
