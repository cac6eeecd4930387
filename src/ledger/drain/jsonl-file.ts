import { createReadStream } from 'node:fs'
import { isObject } from '../../core/json.js'
import { keyOf, type Book } from './drain-ledger.js'
import type { NumberedRecord } from '../ledger.js'

/** One line of a drained file. */
export type DrainedRecord = Book & NumberedRecord

/** A record as a line. */
export function lineOf({ partition, kind }: Book, { seq, record }: NumberedRecord): string {
  return `${JSON.stringify({ partition, kind, seq, record })}\n`
}

/** What a line says; `undefined` for half of one, which a kill leaves. */
export function recordOfLine(line: string): DrainedRecord | undefined {
  try {
    const said: unknown = JSON.parse(line)
    if (isObject(said) && Number.isSafeInteger(said['seq']) && isObject(said['record']))
      return said as unknown as DrainedRecord
  } catch {
    // Half of a line.
  }
  return undefined
}

/**
 * The records of a file that {@link jsonlSink} has written, in the order in which they were, each once: what came twice,
 * after a kill or from two drains, is left out, and so is half of a line. Bounded memory, however long the file is.
 *
 * @example for await (const { record } of readDrained('ledger.jsonl')) console.log(record)
 */
export async function* readDrained(path: string): AsyncGenerator<DrainedRecord> {
  const last = new Map<string, number>()
  for await (const line of linesOf(path)) {
    const said = recordOfLine(line)
    if (said === undefined) continue
    const key = keyOf(said)
    if (said.seq <= (last.get(key) ?? 0)) continue
    last.set(key, said.seq)
    yield said
  }
}

// Not by `readline`: from Node 24 on a line ends for it at U+2028 too, which the name of a tool may have.
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = ''
  for await (const text of createReadStream(path, 'utf8') as AsyncIterable<string>) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  yield rest
}
