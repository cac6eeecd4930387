import { CliError, usage } from './cli-error.js'
import { text, type Option, type Options } from './command.js'
import { whenOf } from './when.js'
import type { GroupedLedger, LedgerQuery, NumberedLedger, PagedLedger } from 'mcp-budget'
import type { OpenStore } from './open-store.js'

/** Which records. All that is given must hold. */
export const QUERY_OPTIONS: readonly Option[] = [
  { flags: '--budget <budget>', meaning: 'only of this budget' },
  { flags: '--tenant <tenant>', meaning: 'only of the budgets of this tenant' },
  { flags: '--partition <name>', meaning: 'only of this partition, which is the tenant by default' },
  { flags: '--tool <name>', meaning: 'only of this tool' },
  { flags: '--token <id>', meaning: 'only by this token: its id, or the 12 characters that people are shown' },
  { flags: '--task <id>', meaning: 'only of this task' },
  { flags: '--operation <id>', meaning: 'only of this operation' },
  { flags: '--charge <id>', meaning: 'only of this charge' },
  { flags: '--since <when>', meaning: 'from then on: `24h` ago, or a time' },
  { flags: '--until <when>', meaning: 'before then: `24h` ago, or a time' },
]

/** Of each option of {@link QUERY_OPTIONS} that is a text, the key of a query. */
const TEXTS = {
  budget: 'budget',
  tenant: 'tenant',
  partition: 'partition',
  tool: 'tool',
  token: 'tokenId',
  task: 'taskId',
  operation: 'operationId',
  charge: 'chargeId',
} as const

/**
 * The query that the options ask for.
 *
 * @throws CliError `usage`
 */
export function queryOf(options: Options, now: number): LedgerQuery {
  const query: Record<string, string | number> = {}
  for (const [option, key] of Object.entries(TEXTS)) {
    const value = text(options, option)
    if (value !== undefined) query[key] = value
  }
  for (const option of ['since', 'until']) {
    const value = text(options, option)
    if (value !== undefined) query[option] = whenOf(value, { what: `\`--${option}\``, now, direction: 'ago' })
  }
  return query
}

/** What the ledger of a store may be asked for. */
type AnyLedger = Partial<PagedLedger & GroupedLedger & NumberedLedger>

/**
 * The ledger of a store, where it has all of these verbs.
 *
 * @throws CliError `not_supported`
 */
export function ledgerOf<Verb extends keyof AnyLedger>(
  { enforcer, kind }: OpenStore,
  ...verbs: readonly Verb[]
): Pick<Required<AnyLedger>, Verb> {
  const { ledger = {} } = enforcer as { readonly ledger?: AnyLedger }
  if (verbs.every((verb) => typeof ledger[verb] === 'function')) return ledger as Required<AnyLedger>
  const message = `Expected a store whose ledger answers this, got one in ${kind}`
  throw new CliError({ slug: 'not_supported', message, hint: 'SQLite and PostgreSQL do' })
}

type WholeLedger = Pick<NumberedLedger, 'partitions' | 'numbered'>

/**
 * The ledger of a store record by record, where none is missing that the store itself has put away.
 *
 * @throws CliError `not_supported`, also when it is read: a ledger in use may fold meanwhile
 */
export async function wholeLedgerOf(store: OpenStore): Promise<WholeLedger> {
  const ledger = ledgerOf(store, 'partitions', 'numbered')
  if (store.kind !== 'redis') return ledger
  const whole: WholeLedger = { partitions: () => ledger.partitions(), numbered: (of) => unfolded(ledger, of) }
  for (const partition of await ledger.partitions())
    for (const kind of ['money', 'call'] as const) await whole.numbered({ partition, kind, after: 0, limit: 1 })
  return whole
}

async function unfolded(ledger: WholeLedger, of: Parameters<WholeLedger['numbered']>[0]) {
  const records = await ledger.numbered(of)
  const gap = records.findIndex(({ seq }, n) => seq !== of.after + 1 + n)
  if (gap < 0) return records
  const [first] = await ledger.numbered({ ...of, after: 0, limit: 1 })
  // Only the oldest are folded: what is missing behind the first was taken out by somebody.
  if (first === undefined || first.seq <= of.after + 1 + gap) return records
  const message = `Expected a ledger with all its records, got one that has folded the ${of.kind} records before ${first.seq}`
  const hint = 'Redis keeps the newest `maxEntries` whole: what is older can be summed up, and not proved'
  throw new CliError({ slug: 'not_supported', message, hint })
}

/** One of some words, or the first. @throws CliError `usage` */
export function oneOf<Word extends string>(options: Options, name: string, words: readonly [Word, ...Word[]]): Word {
  const given = text(options, name) ?? words[0]
  const found = words.find((word) => word === given)
  if (found !== undefined) return found
  throw usage(`Expected \`--${name}\` to be one of ${words.join(', ')}, got another word`)
}
