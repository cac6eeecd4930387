import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { KeyRing, verifyToken } from 'mcp-budget/delegation'
import { cli } from '../../support/cli.js'

const key = randomBytes(32)
const keys = new KeyRing({ current: { kid: 'k1', key } })
let folder: string
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'mcp-budget-cli-'))))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const env = { BUDGET_KEY: key.toString('base64') }
const MINT = 'token mint acme/bot --key-env BUDGET_KEY --kid k1'

async function minted(more = '--exp 1h'): Promise<string> {
  const { code, out, err } = await cli(`${MINT} ${more}`, { env })
  expect([code, err]).toEqual([0, ''])
  return out.trim()
}

describe('token mint', () => {
  test('makes a token that the gateway verifies, with the caveats that were asked for', async () => {
    const token = await minted(
      '--exp 30m --max 100 --call 7 --calls 9 --rate 10/60 --tool a,b:* --deny c --ten acme --aud g --depth 2 --ops call,delegate',
    )
    const verified = await verifyToken(token, { keys })
    if (verified.kind !== 'verified') throw new Error(verified.reason)
    const texts = verified.caveats.map(({ text }) => text.replace(/\/[\w-]{12}$/, '/…').replace(/\d{10}/, '…'))
    expect(texts).toEqual([
      'exp=…', 'ops=call,delegate', 'depth=2', 'max=100/…', 'call=7', 'calls=9/…', 'rate=10/60/…', 'tool=a,b:*',
      'deny=c', 'ten=acme', 'aud=g',
    ]) // prettier-ignore
    expect(verified.authority.budget).toBe('acme/bot')
  })

  test.each([
    ['hex', (): string => key.toString('hex')],
    ['base64', (): string => `${key.toString('base64')}\n`],
    ['base64url', (): string => key.toString('base64url')],
    ['raw bytes', (): Buffer => key],
  ])('reads a key from a file in %s', async (name, written) => {
    const path = join(folder, `${name}.key`)
    writeFileSync(path, written())
    const { out } = await cli(['token', 'mint', 'bot', '--key-file', path, '--kid', 'k1', '--exp', '1h'])
    expect(await verifyToken(out.trim(), { keys })).toMatchObject({ kind: 'verified' })
  })

  test('takes rules for arguments more than once', async () => {
    const rules = ['{"tool":"db_*","at":"/table","eq":"users"}', '{"tool":"db_*","only":["table"]}']
    const { out } = await cli([...MINT.split(' '), '--exp', '1h', ...rules.flatMap((rule) => ['--arg', rule])], { env })
    const { out: shown } = await cli('token inspect', { input: out })
    expect(shown).toContain('/table must be "users"')
    expect(shown).toContain('no others than table')
  })

  test('without an end only where that is said', async () => {
    expect(await verifyToken(await minted('--exp never'), { keys })).toMatchObject({ kind: 'verified' })
  })

  test('writes to a new file that only its owner reads, and prints no token then', async () => {
    const path = join(folder, 'new.token')
    const { out, err } = await cli(`${MINT} --exp 1h --out ${path}`, { env })
    expect(out + err).not.toContain('mcpb_')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(await verifyToken(readFileSync(path, 'utf8').trim(), { keys })).toMatchObject({ kind: 'verified' })
    const again = await cli(`${MINT} --exp 1h --out ${path}`, { env })
    expect(again).toEqual({ code: 1, out: '', err: expect.stringContaining('one that is there') })
  })
})

describe('token attenuate', () => {
  test('narrows a token from standard input or a file, without a key', async () => {
    const token = await minted()
    const path = join(folder, 'wide.token')
    writeFileSync(path, `${token}\n`)
    for (const [line, input] of [
      ['token attenuate --max 5', token],
      [`token attenuate ${path} --max 5`, ''],
      ['token attenuate - --max 5', token],
    ] as const) {
      const { out } = await cli(line, { input })
      const verified = await verifyToken(out.trim(), { keys })
      expect(verified).toMatchObject({ kind: 'verified', authority: { ceilings: [{ limit: 5 }] } })
    }
  })
})

describe('token inspect', () => {
  test('says what a token says, in words and as a value, and never the token', async () => {
    const token = await minted('--exp 1h --tool search')
    const shown = await cli('token inspect', { input: token })
    expect(shown.code).toBe(0)
    expect(shown.out).toContain('only the tools search')
    expect(shown.out).toContain('not asked')
    const { out } = await cli('token inspect --json', { input: token })
    expect(JSON.parse(out)).toMatchObject({ budget: 'acme/bot', kid: 'k1', proved: null, reason: null, payer: null })
    expect(shown.out + out).not.toContain('mcpb_')
  })

  test('proves a token with the key, and ends with 6 where it is not proved', async () => {
    const token = await minted()
    const other = { BUDGET_KEY: randomBytes(32).toString('hex') }
    const [yes, no, wrongId] = await Promise.all([
      cli('token inspect --key-env BUDGET_KEY --kid k1 --json', { env, input: token }),
      cli('token inspect --key-env BUDGET_KEY --kid k1 --json', { env: other, input: token }),
      cli('token inspect --key-env BUDGET_KEY --kid k2', { env, input: token }),
    ])
    expect([yes.code, JSON.parse(yes.out)]).toEqual([0, expect.objectContaining({ proved: true, payer: 'acme/bot' })])
    expect([no.code, JSON.parse(no.out)]).toEqual([
      6,
      expect.objectContaining({ proved: false, reason: 'invalid_token' }),
    ])
    expect([wrongId.code, wrongId.out]).toEqual([6, expect.stringContaining('it names the key k1, and k2 was given')])
  })

  test('shows an unknown kind, and what could rewrite a terminal, without harm', async () => {
    const { mintMacaroon } = await import('../../../src/delegation/macaroon.js')
    const { writeIdentifier } = await import('../../../src/delegation/identifier.js')
    const identifier = writeIdentifier({ kid: 'k1', tenant: 'a', budget: 'b', issuedAt: 1, nonce: 'A'.repeat(22) })
    const token = mintMacaroon(key, identifier, ['plan=gold', 'tool=\u001b[2Jx', '\u0007'])
    const { out } = await cli('token inspect', { input: token })
    expect(out).toContain('a gateway that does not know it refuses the token')
    // eslint-disable-next-line no-control-regex
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
  })
})
