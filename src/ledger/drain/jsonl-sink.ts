import { dirname } from 'node:path'
import { open, stat, type FileHandle } from 'node:fs/promises'
import { BudgetError } from '../../core/errors.js'
import { keyOf, type Book, type DrainBatch, type DrainSink } from './drain-ledger.js'
import { lineOf, recordOfLine } from './jsonl-file.js'
import type { NumberedRecord } from '../ledger.js'

const PIECE = 1 << 20
const NEWLINE = 10

/**
 * A file of JSON lines, only ever appended to: `{"partition", "kind", "seq", "record"}`. What was written is on the disk
 * before it is confirmed. It finds its place in the file, also after a kill. Read it with {@link readDrained}.
 *
 * Several processes may write one file of a local disk. They leave out what they see there; what comes twice all the same
 * is left out by whoever reads. A new file can be read by its owner only. One that is moved, removed or cut while a sink
 * has it open is written to no more: `store_unavailable`. Close the sink first, and make another.
 *
 * @example await drainLedger({ from: enforcer.ledger, to: jsonlSink('ledger.jsonl') })
 */
export function jsonlSink(path: string): DrainSink & { close(): Promise<void> } {
  const file = new JsonlFile(path)
  return {
    last: (book) => file.last(book),
    write: (batch) => file.write(batch),
    close: () => file.close(),
  }
}

class JsonlFile {
  readonly #path: string
  readonly #last = new Map<string, NumberedRecord>()
  #handle: FileHandle | undefined
  /** Up to where whole lines were read. */
  #read = 0
  /** How long the file was when it was last looked at. */
  #size = 0n
  /** One thing after the other. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  last(book: Book): Promise<NumberedRecord | undefined> {
    return this.#next(async () => {
      await this.#readOn(await this.#open())
      return this.#last.get(keyOf(book))
    })
  }

  write({ records, ...book }: DrainBatch): Promise<void> {
    return this.#next(async () => {
      const handle = await this.#open()
      const isWhole = await this.#readOn(handle)
      const after = this.#last.get(keyOf(book))?.seq ?? 0
      const lines = records.filter(({ seq }) => seq > after).map((each) => lineOf(book, each))
      if (lines.length === 0) return
      // Half of a line that a kill has left becomes a line of its own.
      await handle.appendFile(`${isWhole ? '' : '\n'}${lines.join('')}`)
      await handle.datasync()
      this.#size = (await handle.stat({ bigint: true })).size
    })
  }

  close(): Promise<void> {
    return this.#next(async () => {
      await this.#handle?.close()
      this.#handle = undefined
    })
  }

  async #open(): Promise<FileHandle> {
    if (this.#handle !== undefined) {
      await this.#assertSame(this.#handle)
      return this.#handle
    }
    this.#handle = await open(this.#path, 'a+', 0o600)
    await this.#handle.sync()
    await syncFolder(dirname(this.#path))
    return this.#handle
  }

  // What is written to a file that nobody can open again looks drained, and is lost when the ledger folds it.
  async #assertSame(handle: FileHandle): Promise<void> {
    const [own, there] = await Promise.all([
      handle.stat({ bigint: true }),
      stat(this.#path, { bigint: true }).catch(() => undefined),
    ])
    const isSame = there?.ino === own.ino && there.dev === own.dev
    if (isSame && own.size >= this.#size) {
      this.#size = own.size
      return
    }
    const got = there === undefined ? 'none' : isSame ? 'one that was cut' : 'another'
    throw new BudgetError({
      code: 'store_unavailable',
      message: `Expected the file that was opened at ${JSON.stringify(this.#path)}, got ${got}; put it back, or make a new sink`,
    })
  }

  /** Reads what was written since, by whomever; answers whether the file ends with a whole line. */
  async #readOn(handle: FileHandle): Promise<boolean> {
    let rest = Buffer.alloc(0)
    for (;;) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(PIECE), 0, PIECE, this.#read + rest.length)
      if (bytesRead === 0) return rest.length === 0
      const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
      const end = bytes.lastIndexOf(NEWLINE) + 1
      for (const line of bytes.toString('utf8', 0, end).split('\n')) this.#note(line)
      this.#read += end
      rest = Buffer.from(bytes.subarray(end))
    }
  }

  #note(line: string): void {
    const said = recordOfLine(line)
    if (said !== undefined && said.seq > (this.#last.get(keyOf(said))?.seq ?? 0)) this.#last.set(keyOf(said), said)
  }

  #next<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    const done = this.#queue.then(work)
    this.#queue = done.catch(() => {})
    return done
  }
}

// The name of a new file is in its folder. Where a folder cannot be opened, the system sees to that.
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  if (folder === undefined) return
  await folder.sync().catch(() => {})
  await folder.close()
}
