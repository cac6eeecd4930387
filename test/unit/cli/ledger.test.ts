import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agentAtWork } from '../../support/cli-ledger.js'
import { cli, type Ran } from '../../support/cli.js'
import { EXIT_OF, found } from '../../../src/cli/verification-words.js'
import { openHandle } from '../../../src/backends/sqlite/open-handle.js'
import type { Unbalanced, Verification } from 'mcp-budget/audit'

let folder: string
let proofs: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-budget-cli-'))
  proofs = `--checkpoints ${folder}/checkpoints.jsonl --key ${folder}/sealer.pub.pem`
  await cli('budget grant agent-1 1000 --create', { env: { MCP_BUDGET_STORE: `sqlite:${folder}/budgets.db` } })
  await agentAtWork(folder)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const on = (line: string, file = 'budgets.db'): Promise<Ran> =>
  cli(line, { env: { MCP_BUDGET_STORE: `sqlite:${folder}/${file}` } })

/** A copy of the file, tampered with. */
async function tampered(file: string, sql: string): Promise<string> {
  // A plain copy would miss what is in the log of the file.
  const whole = await openHandle(`${folder}/budgets.db`)
  whole.exec(`VACUUM INTO '${folder}/${file}'`)
  whole.close()
  const handle = await openHandle(`${folder}/${file}`)
  handle.exec(sql)
  handle.close()
  return file
}

describe('ledger verify', () => {
  test('finds a ledger sound, and says what it has looked at', async () => {
    const { code, out, err } = await on(`ledger verify ${proofs}`)
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/^Sound: \d+ records in 2 chains\.$/m)
    expect(out).toMatch(/^default +money +7 +7 +7$/m)
    expect(out).toContain('2 checkpoints hold.')
    expect(out).toContain('The balances, open holds and leases of the store are those of the ledger.')
    expect((await on('ledger verify')).out).toContain('No checkpoints')
  })

  test.each([
    [
      'an edited tool',
      `UPDATE entries SET tool = 'x' WHERE seq = 4`,
      3,
      'Broken at record 4 of the money records of default',
    ],
    [
      'a record that was taken out',
      `DELETE FROM calls WHERE seq = 2`,
      3,
      'Broken at record 2 of the call records of default',
    ],
    [
      'a tail that was cut off',
      `DELETE FROM entries WHERE seq = 7`,
      4,
      'Truncated: the money records of default end at 6',
    ],
    [
      'a balance that was edited',
      `UPDATE budgets SET spent = spent + 10, available = available - 10`,
      5,
      'Does not add up',
    ],
  ])('names the place of %s, and ends with a code of its own [T40]', async (name, sql, code, message) => {
    const file = await tampered(`${name.replaceAll(' ', '-')}.db`, sql)
    const ran = await on(`ledger verify ${proofs}`, file)
    expect([ran.code, ran.out]).toEqual([code, expect.stringContaining(message)])
    const asJson = await on(`ledger verify ${proofs} --json`, file)
    expect([asJson.code, JSON.parse(asJson.out)]).toEqual([code, expect.objectContaining({ kind: expect.any(String) })])
  })

  test('believes no checkpoint that was edited', async () => {
    const path = join(folder, 'edited.jsonl')
    writeFileSync(path, readFileSync(`${folder}/checkpoints.jsonl`, 'utf8').replace('"seq":7', '"seq":6'))
    const { code, out } = await on(`ledger verify --checkpoints ${path} --key ${folder}/sealer.pub.pem`)
    expect([code, out]).toEqual([7, expect.stringMatching(/^Not believed: line \d of the checkpoints: its signature/)])
  })

  test('verifies an exported file, without the store', async () => {
    const path = join(folder, 'whole.jsonl')
    writeFileSync(path, (await on('ledger export --format numbered')).out)
    const { code, out } = await cli(`ledger verify --file ${path} ${proofs}`)
    expect([code, out]).toEqual([0, expect.stringContaining('The balances of the store were not compared.')])
    writeFileSync(path, readFileSync(path, 'utf8').split('\n').slice(0, -2).join('\n'))
    expect((await cli(`ledger verify --file ${path} ${proofs}`)).code).toBe(4)
    writeFileSync(path, '{"kind":"money"}\n')
    expect(await cli(`ledger verify --file ${path}`)).toMatchObject({ code: 1, err: expect.stringContaining('line 1') })
  })

  test.each([
    ['ledger verify --key x', 2, 'Expected `--checkpoints`'],
    ['ledger verify --checkpoints x', 2, 'Expected `--key`'],
    ['ledger verify --checkpoints none --key x', 1, 'Expected a file of checkpoints, got none'],
    ['ledger verify --checkpoints FOLDER/checkpoints.jsonl --key none', 1, 'Expected a public key that can be read'],
    ['ledger verify --checkpoints FOLDER/checkpoints.jsonl --key FOLDER/checkpoints.jsonl', 2, 'a public Ed25519 key'],
    ['ledger verify --file none', 1, 'Expected a file that can be read'],
    ['ledger export --format xml', 2, 'to be one of jsonl,'],
    ['ledger export --format numbered --tenant a', 2, 'Expected no filter'],
    ['ledger report --by day', 2, 'to be one of sums, operation, task'],
    ['ledger report --since yesterday', 2, 'to be a time such as'],
    ['ledger report --limit 0', 2, 'Expected `--limit`'],
  ])('%s ends with %i', async (line, code, message) => {
    const ran = await on(line.replaceAll('FOLDER', folder))
    expect([ran.code, ran.out, ran.err]).toEqual([code, '', expect.stringContaining(message)])
  })

  test.each<Verification>([
    { kind: 'broken', partition: 'a', record: 'call', seq: 3, why: 'rewritten', after: 2 },
    { kind: 'truncated', partition: '', record: 'call', last: 3, expected: 5, by: 'checkpoint' },
    { kind: 'equation', partition: 'a', record: 'money', seq: 3, why: 'range', budget: 'a/b', expected: 0, got: -1 },
    { kind: 'checkpoint', line: 1, why: 'previous' },
  ])('has words for $kind', (verification) => {
    const { lines, json, exitCode } = found(verification)
    expect(lines.join(' ')).not.toMatch(/undefined|NaN|object/)
    expect([json, exitCode]).toEqual([verification, EXIT_OF[verification.kind]])
  })

  test.each<readonly [more: Partial<Unbalanced>, line: string]>([
    [{ column: 'held', expected: 0, got: 5 }, 'a/b: expected 0 as held, got 5.'],
    [{ why: 'equation', expected: 8, got: 9 }, 'a/b: expected 8 as the sum, got 9.'],
    [{ why: 'hold', hold: 'h1', expected: 7, got: 'none' }, 'a/b: expected 7 under h1, got none.'],
    [{ why: 'hold', hold: 'h1', expected: 'a lease', got: 'a hold' }, 'a/b: expected a lease under h1, got a hold.'],
  ])('says of money what was expected, and of what: %j', (more, line) => {
    const place = { kind: 'equation', partition: 'a', record: 'money', seq: 3, budget: 'a/b' } as const
    expect(found({ ...place, why: 'balance', expected: 0, got: 0, ...more }).lines).toContain(line)
  })
})

describe('ledger report', () => {
  test('sums up by tool, budget and outcome', async () => {
    const { out } = await on('ledger report')
    expect(out).toMatch(/^search +2 +0 +10 +0$/m)
    expect(out).toMatch(/^default\/agent-1 +3 +0 +35 +0$/m)
    const { tools } = JSON.parse((await on('ledger report --tool draw --json')).out) as { tools: unknown[] }
    expect(tools).toEqual([{ tool: 'draw', calls: 1, refused: 0, charged: 25, reported: 0 }])
    expect((await on('ledger report --tenant nobody')).out).toBe('No records match.\n')
    expect((await on('ledger report --until 1h')).out).toBe('No records match.\n')
  })

  test.each(['operation', 'task'])('lists each %s, where there are any', async (by) => {
    expect((await on(`ledger report --by ${by}`)).out).toBe('No records match.\n')
    expect(JSON.parse((await on(`ledger report --by ${by} --json`)).out)).toEqual({ [`${by}s`]: [], more: false })
  })
})

describe('ledger export', () => {
  test('writes one record on each line', async () => {
    const { code, out } = await on('ledger export')
    expect([code, out.trimEnd().split('\n').length]).toEqual([0, 10])
    const calls = (await on('ledger export --kind call --tool search')).out.trimEnd().split('\n')
    expect(calls.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ kind: 'call', tool: 'search' }, { tool: 'search' }]) // prettier-ignore
  })
})

test('a store without such a ledger says so', async () => {
  const { ledgerOf } = await import('../../../src/cli/ledger-store.js')
  expect(() => ledgerOf({ kind: 'redis', enforcer: {} } as never, 'page')).toThrow('got one in redis')
})
