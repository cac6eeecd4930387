import { appendFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { BudgetEvents } from 'mcp-budget'
import { audited, key } from '../../support/audited.js'
import { fileSink, generateKeys, publicKey, readCheckpoints, signingKey } from 'mcp-budget/audit'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-sink-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let count = 0
const newPath = (): string => join(folder, `${count++}.jsonl`)

/** The code of an error, or of what it was caused by. */
function codeOf(error: unknown): unknown {
  const { code, cause } = Object(error) as { readonly code?: unknown; readonly cause?: unknown }
  return cause === undefined ? code : codeOf(cause)
}

async function all(path: string): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const value of readCheckpoints(path)) found.push(value)
  return found
}

describe('a file of checkpoints', () => {
  test('is added to by each sealer that comes, and verifies [T40]', async () => {
    const path = newPath()
    const { spend, make, check } = audited()
    for (let i = 0; i < 3; i++) {
      spend(2)
      expect(await make({ checkpoints: { store: 's', key, sinks: [fileSink(path)] } }).checkpoint()).toBe(2)
    }
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(7)
    const checkpoints = readCheckpoints(path)
    expect(await check({ checkpoints })).toMatchObject({ kind: 'ok', checkpoints: 6, restarts: 0, unreadable: 0 })
  })

  test('keeps what a killed process has left of a line apart, and loses nothing by it', async () => {
    const path = newPath()
    const { spend, make, check } = audited()
    spend(2)
    await make({ checkpoints: { store: 's', key, sinks: [fileSink(path)] } }).checkpoint()
    appendFileSync(path, '{"v":1,"store":"s","part')
    spend(2)
    await make({ checkpoints: { store: 's', key, sinks: [fileSink(path)] } }).checkpoint()
    const checkpoints = readCheckpoints(path)
    expect(await check({ checkpoints })).toMatchObject({ kind: 'ok', checkpoints: 4, restarts: 0, unreadable: 1 })
  })

  // Some editors end lines so, and JSON leaves both of the others in a text.
  test('ends a line at a line feed only, or at a carriage return before one', async () => {
    const path = newPath()
    const { spend, make, check } = audited()
    spend(2)
    const store = 'a\u2028b\u2029c'
    await make({ checkpoints: { store, key, sinks: [fileSink(path)] } }).checkpoint()
    writeFileSync(path, `${readFileSync(path, 'utf8').replaceAll('\n', '\r\n')}\r\n`)
    expect(await all(path)).toEqual([expect.objectContaining({ store }), expect.objectContaining({ store })])
    expect(await check({ checkpoints: readCheckpoints(path) })).toMatchObject({ checkpoints: 2, unreadable: 0 })
  })

  test('on a full disk is a fault, stops no other sink, and is tried again [T40]', async () => {
    const [path, place] = [newPath(), newPath()]
    // Linux says of each write to it that there is no space.
    symlinkSync('/dev/full', place)
    const { spend, make, check } = audited()
    spend(2)
    const faults: unknown[] = []
    const events = new BudgetEvents()
    events.on('fault', ({ error }) => faults.push(error))
    const full = fileSink(place)
    // No last one is read there: the device has no end.
    const sinks = [{ write: full.write.bind(full) }, fileSink(path)]
    const sealer = make({ events, checkpoints: { store: 's', key, sinks } })
    await sealer.checkpoint().catch((error: unknown) => faults.push(error))
    expect(faults.map(codeOf)).toContain('ENOSPC')
    expect(await check({ checkpoints: readCheckpoints(path) })).toMatchObject({ kind: 'ok', checkpoints: 2 })
    rmSync(place)
    await sealer.checkpoint()
    expect(await check({ checkpoints: readCheckpoints(place) })).toMatchObject({ kind: 'ok', checkpoints: 2 })
  })

  test('that is not there has none', async () => {
    expect(await all(newPath())).toEqual([])
  })

  test('gives lines that are no JSON as texts', async () => {
    const path = newPath()
    writeFileSync(path, '{"a":1}\n\nx\r\n')
    expect(await all(path)).toEqual([{ a: 1 }, 'x'])
  })
})

describe('keys', () => {
  const { id, privatePem, publicPem } = generateKeys()

  test('of one pair have one id, and others another', () => {
    expect(signingKey(privatePem).id).toBe(id)
    expect(publicKey(publicPem).id).toBe(id)
    expect(generateKeys().id).not.toBe(id)
  })

  test.each([
    ['a public key to sign with', () => signingKey(publicPem)],
    ['a private key to verify with', () => publicKey(privatePem)],
    ['no key', () => signingKey('x')],
    ['nothing', () => publicKey(undefined as never)],
  ])('are refused when they are %s, without a word of what they were', (_, make) => {
    const secret = privatePem.split('\n')[1] as string
    try {
      make()
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({ code: 'invalid_config' })
      expect(String((error as Error).message)).not.toContain(secret)
    }
  })
})
