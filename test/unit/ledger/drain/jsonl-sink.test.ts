import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jsonlSink, readDrained, type Book } from '../../../../src/ledger/drain/index.js'
import type { LedgerRecord } from '../../../../src/ledger/entry.js'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-budget-drain-'))
  path = join(folder, 'ledger.jsonl')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const BOOK: Book = { partition: 'default', kind: 'money' }

function records(first: number, last: number, tool = 'draw "ü"\n\u2028') {
  return Array.from({ length: last - first + 1 }, (_, n) => ({
    seq: first + n,
    record: { kind: 'money', seq: first + n, tool } as unknown as LedgerRecord,
  }))
}

async function readAll(): Promise<string> {
  const found: string[] = []
  for await (const { partition, kind, seq } of readDrained(path)) found.push(`${partition} ${kind} ${seq}`)
  return found.join(', ')
}

describe('a file of JSON lines', () => {
  test('keeps what it was given, and knows its place when it is opened again', async () => {
    const sink = jsonlSink(path)
    expect(await sink.last(BOOK)).toBeUndefined()
    await sink.write({ ...BOOK, records: records(1, 3) })
    await sink.write({ partition: '', kind: 'call', records: records(1, 1) })
    await sink.close()
    const again = jsonlSink(path)
    expect(await again.last(BOOK)).toMatchObject(records(3, 3)[0] ?? {})
    expect(await again.last({ ...BOOK, kind: 'call' })).toBeUndefined()
    await again.write({ ...BOOK, records: records(2, 4) })
    await again.close()
    expect(await readAll()).toBe('default money 1, default money 2, default money 3,  call 1, default money 4')
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(6)
  })

  test.each([1, 20, 60])('goes on behind a line of which a kill has left all but %i bytes', async (lost) => {
    const sink = jsonlSink(path)
    await sink.write({ ...BOOK, records: records(1, 3) })
    await sink.close()
    truncateSync(path, readFileSync(path).length - lost)
    const again = jsonlSink(path)
    const last = (await again.last(BOOK)) as { readonly seq: number } | undefined
    // The last line is there but for its end: whoever reads on does not know that it is whole.
    expect(last?.seq).toBe(2)
    await again.write({ ...BOOK, records: records(3, 5) })
    await again.close()
    expect(await readAll()).toBe(upTo(5))
  })

  test('that two write to leaves out what it sees there, and whoever reads leaves out the rest', async () => {
    const [one, other] = [jsonlSink(path), jsonlSink(path)]
    for (let first = 1; first < 50; first += 5) {
      const batch = { ...BOOK, records: records(first, first + 6) }
      await Promise.all([one.write(batch), other.write(batch)])
    }
    await Promise.all([one.close(), other.close()])
    expect(await readAll()).toBe(upTo(52))
  })

  test('that has a line which is none is read without it', async () => {
    writeFileSync(path, '')
    const sink = jsonlSink(path)
    await sink.write({ ...BOOK, records: records(1, 2) })
    appendFileSync(path, 'null\n[]\n{"seq":3}\n{"seq":0.5,"record":{}}\n\n{"partition":"def')
    await sink.write({ ...BOOK, records: records(3, 3) })
    await sink.close()
    expect(await readAll()).toBe(upTo(3))
  })

  test('is read piece by piece where it is long', async () => {
    const sink = jsonlSink(path)
    const long = 'ü'.repeat(20_000)
    for (let first = 1; first <= 120; first += 10)
      await sink.write({ ...BOOK, records: records(first, first + 9, long) })
    await sink.close()
    const again = jsonlSink(path)
    expect(await again.last(BOOK)).toMatchObject({ seq: 120, record: { tool: long } })
    await again.close()
  })

  test('that cannot be written to fails the write, and takes it later', async () => {
    const sink = jsonlSink(join(path, 'in-a-file'))
    writeFileSync(path, '')
    await expect(sink.write({ ...BOOK, records: records(1, 1) })).rejects.toMatchObject({ code: 'ENOTDIR' })
    rmSync(path)
    await expect(sink.write({ ...BOOK, records: records(1, 1) })).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

function upTo(last: number): string {
  return Array.from({ length: last }, (_, n) => `default money ${n + 1}`).join(', ')
}
