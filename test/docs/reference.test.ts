import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { InMemoryBudgetEnforcer, REFUSALS, refuse, type RefusalSlug } from 'mcp-budget'
import { REASONS } from '../support/reasons.js'
import { enforcerConformance } from 'mcp-budget/testing'
import { BUILT_IN } from '../../src/delegation/caveats/kinds.js'
import { TOKEN_LIMITS } from '../../src/delegation/limits.js'
import { citationsOf } from '../house/citations.js'
import { delivered, requirements } from '../requirements.js'
import { PENDING_LIMIT } from '../../src/mcp/pending.js'
import { refusalError, refusalResult } from '../../src/mcp/refusal.js'
import { ROUND_LIMITS } from '../../src/mcp/rounds.js'
import { refusalOfStore } from '../../src/budget/refusals.js'
import { sourceFiles } from '../house/imports.js'
import { TABLE } from '../house/import-table.js'
import type { EnforcerReason } from 'mcp-budget'

const page = (path: string): string => readFileSync(`docs/${path}`, 'utf8')

/** What stands under a heading, up to the next one of its level or above. */
function section(text: string, heading: string): string {
  const lines = text.split('\n')
  const level = (line: string): number => /^(#+) /.exec(line)?.[1]?.length ?? 7
  const from = lines.findIndex((line) => /^#+ /.test(line) && plain(line.replace(/^#+ /, '')) === heading)
  if (from === -1) return ''
  const length = lines.slice(from + 1).findIndex((line) => level(line) <= level(lines[from]!))
  return lines.slice(from + 1, length === -1 ? undefined : from + 1 + length).join('\n')
}

/** The rows of the first table in a text, without its head; every row a list of cells. */
function table(text: string): string[][] {
  const rows = /^\|.*\n\|[-|]+\|\n((?:\|.*\n?)*)/m.exec(text)?.[1] ?? ''
  return rows
    .split('\n')
    .filter((row) => row !== '')
    .map((row) => row.split(/(?<!\\)\|/).slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()))
}

/** A cell or a heading without its code marks and links. */
function plain(text: string): string {
  return text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '')
}

const firsts = (rows: readonly string[][]): string[] => rows.map(([first]) => plain(first!))
const headings = (text: string, level: string): string[] =>
  Array.from(text.matchAll(new RegExp(`^${level} (.+)$`, 'gm')), ([, heading]) => plain(heading!))

function declaration(file: string, name: string): ts.InterfaceDeclaration | ts.TypeAliasDeclaration {
  const source = ts.createSourceFile(file, readFileSync(`src/${file}`, 'utf8'), ts.ScriptTarget.Latest, true)
  const found = source.statements.find(
    (each) => (ts.isInterfaceDeclaration(each) || ts.isTypeAliasDeclaration(each)) && each.name.text === name,
  )
  if (found === undefined) throw new Error(`src/${file} declares no ${name}`)
  return found as ts.InterfaceDeclaration | ts.TypeAliasDeclaration
}

/** The keys of an interface, and of those in the same file that it extends. */
function keysOf(file: string, name: string): Array<{ key: string; optional: boolean }> {
  const found = declaration(file, name) as ts.InterfaceDeclaration
  const inherited = (found.heritageClauses ?? []).flatMap(({ types }) => types.map((type) => type.getText()))
  // A key that may only be left out is there for the compiler.
  const members = found.members.filter((each) => (each as ts.PropertySignature).type?.getText() !== 'undefined')
  const own = members.map((each) => ({ key: each.name!.getText(), optional: each.questionToken !== undefined }))
  return [...own, ...inherited.flatMap((base) => (declares(file, base) ? keysOf(file, base) : []))]
}

const declares = (file: string, name: string): boolean =>
  new RegExp(`interface ${name}\\b`).test(readFileSync(`src/${file}`, 'utf8'))

function membersOfUnion(file: string, name: string): string[] {
  const { type } = declaration(file, name) as ts.TypeAliasDeclaration
  return (type as ts.UnionTypeNode).types.map((each) => ((each as ts.LiteralTypeNode).literal as ts.StringLiteral).text)
}

describe('docs/reference/errors.md', () => {
  const text = page('reference/errors.md')

  test('shows the table of refusals, in order of precedence', () => {
    const shown = table(section(text, 'Refusals')).map(([slug, legacy, modern, retryable, reasons]) => [
      plain(slug!),
      {
        legacy: Number(legacy!.replace('−', '-')),
        modern: Number(modern!.replace('−', '-')),
        retryable: retryable === 'yes',
        reasons: plain(reasons!).split(', '),
      },
    ])
    const wanted = Object.entries(REFUSALS).map(([slug, row]) => [
      slug,
      { ...row, reasons: REASONS[slug as RefusalSlug] },
    ])
    expect(shown).toEqual(wanted)
  })

  test.each(Object.entries(REASONS))('explains each reason of %s under its heading', (slug, reasons) => {
    expect(firsts(table(section(text, slug)))).toEqual(reasons)
  })

  test('says what each reason of a store becomes', () => {
    const call = { kind: 'call', id: '', tool: '', startedAt: 0, asTask: false } as never
    const wanted = membersOfUnion('budget/enforcer-reason.ts', 'EnforcerReason').map((reason) => [
      reason,
      refusalOfStore(call, 1, { reason: reason as EnforcerReason, budget: '', remaining: 0 }).error,
    ])
    const shown = table(section(text, 'What a store says')).map((row) => [plain(row[0]!), plain(row[2]!)])
    expect(shown).toEqual(wanted)
  })

  test('lists the codes of thrown errors, each with a heading', () => {
    const codes = membersOfUnion('core/errors.ts', 'BudgetErrorCode')
    expect(firsts(table(section(text, 'Thrown errors')))).toEqual(codes)
    expect(codes.filter((code) => !headings(text, '###').includes(code))).toEqual([])
  })
})

describe('docs/reference/events.md', () => {
  const text = page('reference/events.md')
  const events = (declaration('core/events.ts', 'BudgetEventMap') as ts.InterfaceDeclaration).members.map((member) => {
    const [payload] = ((member as ts.PropertySignature).type as ts.TupleTypeNode).elements
    return {
      name: member.name!.getText(),
      keys: (payload as ts.TypeLiteralNode).members.map((key) => key.name!.getText()),
    }
  })

  test('has a heading for each event, in their order', () => {
    expect(headings(text, '##')).toEqual(events.map(({ name }) => name))
  })

  test.each(events)('shows what $name carries', ({ name, keys }) => {
    expect(firsts(table(section(text, name)))).toEqual(keys)
  })
})

describe('docs/reference/options.md', () => {
  test.each([
    ['BudgetOptions', 'budget/options.ts'],
    ['CostProfileOptions', 'pricing/cost-profile.ts'],
    ['ServerCosts', 'pricing/cost-profile.ts'],
    ['ToolPinsOptions', 'pricing/with-tool-pins.ts'],
    ['PricedRule', 'pricing/price-rule.ts'],
    ['MeteredRule', 'pricing/price-rule.ts'],
    ['SeatOptions', 'mcp/seat.ts'],
    ['MeterOptions', 'meter.ts'],
    ['AttachOptions', 'delegation/attach-token.ts'],
    ['TokenAuthOptions', 'delegation/options.ts'],
    ['SecretAuthOptions', 'delegation/secret-auth.ts'],
    ['NoAuthOptions', 'delegation/no-auth.ts'],
    ['BudgetClientOptions', 'mcp/budget-client.ts'],
    ['CutoverReportOptions', 'budget/cutover-report.ts'],
    ['InMemoryBudgetEnforcerOptions', 'backends/memory/in-memory-budget-enforcer.ts'],
    ['RedisBudgetEnforcerOptions', 'backends/redis/options.ts'],
    ['LedgerSealerOptions', 'audit/sealer-options.ts'],
    ['CheckpointOptions', 'audit/sealer-options.ts'],
    ['VerifyOptions', 'audit/verify-ledger.ts'],
  ])('has a row for each key of %s, and says which are required', (name, file) => {
    const rows = table(section(page('reference/options.md'), name))
    const shown = rows.map(([key, , otherwise]) => ({ key: plain(key!), optional: otherwise !== 'required' }))
    expect(shown).toEqual(keysOf(file, name))
  })
})

test('docs/reference/options.md has a row for each key of DelegateOptions', () => {
  const [asked, key] = [
    keysOf('delegation/method-params.ts', 'DelegateParams'),
    keysOf('mcp/budget-client.ts', 'RequestKey'),
  ]
  const rows = table(section(page('reference/options.md'), 'DelegateOptions'))
  expect(firsts(rows)).toEqual([...asked, ...key].map((each) => each.key))
})

describe('docs/reference/caveats.md', () => {
  const text = page('reference/caveats.md')

  test.each([
    ['MintOptions', 'delegation/mint.ts'],
    ['Caveats', 'delegation/caveat-list.ts'],
    ['KeyRingOptions', 'delegation/key-ring.ts'],
    ['TokenVerifierOptions', 'delegation/verifier-options.ts'],
    ['ClearRequest', 'delegation/request.ts'],
  ])('has a row for each key of %s, and says which are required', (name, file) => {
    // The page has the name of one of them.
    const rows = table(section(text.replace('# Caveats', ''), name))
    const shown = rows.map(([key, , otherwise]) => ({ key: plain(key!), optional: otherwise !== 'required' }))
    expect(shown).toEqual(keysOf(file, name))
  })

  test('has a row for each kind of caveat, each reason and each key of the authority', () => {
    const kinds = BUILT_IN.map(({ name }) => name)
    expect(firsts(table(section(text, 'The kinds'))).sort()).toEqual(kinds.sort())
    expect(firsts(table(section(text, 'Reasons')))).toEqual(membersOfUnion('delegation/caveat.ts', 'TokenReason'))
    const authority = keysOf('budget/authority.ts', 'Authority').map(({ key }) => key)
    expect(firsts(table(section(text, 'Authority')))).toEqual(authority)
  })

  test('says the limits as they are', () => {
    const shown = table(section(text, 'Limits')).flatMap(([, value, key]) => (key === '' ? [] : [[plain(key!), value]]))
    const wanted = Object.entries(TOKEN_LIMITS).map(([key, value]) => [key, Number(value).toLocaleString('en')])
    expect(shown.map(([key, value]) => [key, /^[\d,]+/.exec(value!)?.[0]])).toEqual(wanted)
  })
})

describe('docs/reference/wire.md', () => {
  const text = page('reference/wire.md')

  test('shows a refusal as it is sent', () => {
    const why = {
      error: 'budget_exhausted',
      reason: 'exhausted',
      cost: 50,
      remaining: 0,
      budget: 'default/agent-1',
    } as const
    const refusal = refuse('draw', why)
    const blocks = Array.from(text.matchAll(/^```json\n([\s\S]*?)^```$/gm), ([, json]) => JSON.parse(json!) as unknown)
    expect(blocks).toEqual([
      refusalError(7, refusal, 'legacy'),
      { jsonrpc: '2.0', id: 7, result: refusalResult(refusal, 'legacy') },
    ])
  })

  test('has a row for each key of the data', () => {
    expect(firsts(table(section(text, 'Data')))).toEqual(keysOf('mcp/refusal.ts', 'RefusalData').map(({ key }) => key))
  })

  test('says the limits as they are', () => {
    const { rounds, ttlMs, open } = ROUND_LIMITS
    const values = table(section(text, 'Limits')).map(([, value]) => value)
    expect(values).toEqual([`${PENDING_LIMIT}`, `${rounds}`, `${ttlMs / 1_000} s`, `${open}`].map(withCommas))
  })
})

const withCommas = (text: string): string => text.replace(/\d{5,}/, (digits) => Number(digits).toLocaleString('en'))

describe('docs/architecture.md', () => {
  const text = page('architecture.md')

  test('shows the import table that the house is held against', () => {
    const list = (name: string): string[] => {
      const [, names] = new RegExp(`^${name}: (.+)\\.$`, 'm').exec(text)!
      return plain(names!).split(', ')
    }
    const places = (cell: string): string[] =>
      cell === '–'
        ? []
        : plain(cell)
            .split(', ')
            .flatMap((place) => (place === 'features' ? list('Features') : place === 'ports' ? list('Ports') : [place]))
    const shown = table(section(text, 'Import table')).flatMap(([files, values, types, packages, node]) =>
      places(files!).map((file) => [
        file,
        { values: places(values!), types: places(types!), packages: places(packages!), node: node === 'yes' },
      ]),
    )
    const own = (file: string) => (place: string) =>
      place !== file && (place.endsWith('/') || existsSync(`src/${place}`))
    const wanted = Object.entries(TABLE).map(([file, row]) => [
      file,
      { ...row, values: row.values.filter(own(file)), types: [...row.types] },
    ])
    expect(Object.fromEntries(shown as never)).toEqual(Object.fromEntries(wanted as never))
  })
})

describe('docs/threats.md', () => {
  const text = page('threats.md')
  const threats = Object.entries(requirements).filter(([id]) => /^T\d+$/.test(id))
  const isDelivered = (owedBy: readonly string[]): boolean => owedBy.some((each) => delivered.includes(each as never))
  const kit = enforcerConformance({ create: () => new InMemoryBudgetEnforcer() }).map(({ name }) => name)
  const titles = new Set([
    ...sourceFiles('test').flatMap((file) =>
      citationsOf(file, readFileSync(join('test', file), 'utf8')).map((each) => each.title),
    ),
    ...kit,
  ])

  test('has a section for each threat that is answered, and lists the others', () => {
    // A threat may be answered before all that its milestone owes.
    const now = headings(section(text, 'Now'), '###')
    const owed = threats.filter(([, { owedBy }]) => isDelivered(owedBy)).map(([id]) => id)
    expect(owed.filter((id) => !now.includes(id))).toEqual([])
    expect(now).toEqual(now.toSorted())
    expect([...now, ...firsts(table(section(text, 'Later')))].toSorted()).toEqual(threats.map(([id]) => id))
  })

  test.each(headings(section(text, 'Now'), '###'))('names tests of %s that exist', (id) => {
    const named = Array.from(section(text, id).matchAll(/^- `(.+)`$/gm), ([, title]) => title!)
    expect(named.filter((title) => !titles.has(title) || !title.includes(id))).toEqual([])
  })
})
