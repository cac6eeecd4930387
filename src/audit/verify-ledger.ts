import { assertKeys, misconfigured } from '../core/settings.js'
import { BudgetError } from '../core/errors.js'
import { balanceFault, type BalanceSource } from './balance-check.js'
import { BookCheck, type Chains } from './book-check.js'
import { chainKey } from './chain.js'
import { ChainCheck } from './chain-check.js'
import { CheckpointList } from './checkpoint-list.js'
import { KINDS, recordsAfter, type ChainRecord } from './records.js'
import { MoneyCheck } from './money-check.js'
import type { BookEnd } from '../ledger/books.js'
import type { ChainName, SealStore } from '../ledger/seal.js'
import type { MoneyEntry } from '../ledger/entry.js'
import type { NumberedLedger } from '../ledger/ledger.js'
import type { PublicKey } from './keys.js'
import type { Verification, VerificationFault } from './verification.js'

/** What {@link verifyLedger} looks at. */
export interface VerifyOptions {
  /**
   * The ledger; or its records from elsewhere, such as an export: those of each chain in their order, all of the
   * `money` of a partition together.
   */
  readonly ledger: NumberedLedger | AsyncIterable<ChainRecord>
  /** Where the seals are. Without them, only checkpoints and sums can tell that something was changed. */
  readonly seals?: Pick<SealStore, 'read' | 'heads'>
  /** Checkpoints in the order in which they were written: `readCheckpoints(path)`. Needs `keys`. */
  readonly checkpoints?: AsyncIterable<unknown> | Iterable<unknown>
  /** The public keys that are believed: old ones too, for what they signed. */
  readonly keys?: readonly PublicKey[]
  /** The store that the checkpoints must be of; by default, that of the first. */
  readonly store?: string
  /**
   * Who says what the balances are: the store itself. One with a database, which has `books`, is also asked for all of
   * its budgets, open holds and leases.
   */
  readonly balances?: BalanceSource
  /** Told how many records were read, now and then. */
  readonly progress?: (records: number) => void
}

const OPTIONS = ['ledger', 'seals', 'checkpoints', 'keys', 'store', 'balances', 'progress'] as const

/**
 * Reads a whole ledger, and says what it proves: that no record was changed, taken out, put in or cut off since it was
 * sealed, that nothing was written anew since a checkpoint, that the money of each budget adds up after each entry, and
 * that the budgets, open holds and leases of the store are those of the entries. It names the first place where that is
 * not so. The store may be in use meanwhile. It keeps a balance for each budget, the amounts of each hold that is open
 * or was forfeited, and two hashes for each checkpoint, however long the ledger is.
 *
 * @throws BudgetError `invalid_config`; what the ledger throws that cannot be read
 * @example
 * ```ts
 * const { ledger, seals } = enforcer
 * const found = await verifyLedger({ ledger, seals, checkpoints: readCheckpoints('checkpoints.jsonl'), keys, balances: enforcer })
 * if (found.kind === 'broken') console.error(`broken at ${found.record} ${found.seq} of ${found.partition}: ${found.why}`)
 * ```
 */
export async function verifyLedger(options: VerifyOptions): Promise<Verification> {
  assertKeys(options, OPTIONS, 'options')
  const { checkpoints, keys } = options
  if (checkpoints !== undefined && (keys === undefined || keys.length === 0))
    throw misconfigured('keys', 'public keys, to verify checkpoints by', keys)
  const list = new CheckpointList(keys ?? [], options.store)
  for await (const checkpoint of checkpoints ?? []) {
    const bad = list.add(checkpoint)
    if (bad !== undefined) return bad
  }
  return new Verifier(options, list).run()
}

/** A chain of which the money is added up, too. */
interface Checked {
  readonly chain: ChainCheck
  readonly money: MoneyCheck
}

class Verifier {
  readonly #options: VerifyOptions
  readonly #list: CheckpointList
  readonly #chains = new Map<string, Checked>()
  #records = 0

  constructor(options: VerifyOptions, list: CheckpointList) {
    this.#options = options
    this.#list = list
  }

  async run(): Promise<Verification> {
    const { ledger, seals, balances } = this.#options
    const fault = isNumbered(ledger) ? await this.#fromLedger(ledger) : await this.#fromSource(ledger)
    if (fault !== undefined) return fault
    for (const name of [...((await seals?.heads()) ?? []), ...this.#list.chains]) {
      const late = await this.#finish(name)
      if (late !== undefined) return late
    }
    const unlike = await this.#compare()
    if (unlike !== undefined) return unlike
    const chains = Array.from(this.#chains.values(), ({ chain }) => chain.whole).filter(({ last }) => last > 0)
    const { count, unreadable, restarts } = this.#list
    return {
      kind: 'ok',
      chains,
      records: this.#records,
      unsealed: chains.reduce((sum, { last, sealed }) => sum + last - sealed, 0),
      checkpoints: count,
      unreadable,
      restarts,
      balances: balances !== undefined,
      books: balances?.books !== undefined && isNumbered(ledger),
    }
  }

  async #fromLedger(ledger: NumberedLedger): Promise<VerificationFault | undefined> {
    for (const partition of await ledger.partitions()) {
      for (const kind of KINDS) {
        const fault = await this.#finish({ partition, kind })
        if (fault !== undefined) return fault
      }
    }
    return undefined
  }

  async #fromSource(source: AsyncIterable<ChainRecord>): Promise<VerificationFault | undefined> {
    for await (const record of source) {
      const fault = await this.#add(this.#checked(record), record)
      if (fault !== undefined) return fault
    }
    for (const { chain } of this.#chains.values()) {
      const fault = await this.#finish(chain.name)
      if (fault !== undefined) return fault
    }
    return undefined
  }

  /** Reads a chain to its end, and looks whether that is the end it should have. */
  async #finish({ partition, kind }: ChainName): Promise<VerificationFault | undefined> {
    const checked = this.#checked({ partition, kind })
    const fault = (await this.#readOn(checked)) ?? (await this.#cut(checked))
    return fault ?? checked.money.endStep()
  }

  /** Holds what the store says against what the entries make of it. */
  async #compare(): Promise<VerificationFault | undefined> {
    const { balances, ledger } = this.#options
    if (balances === undefined) return undefined
    // Records from elsewhere may be older than the store.
    const { books } = isNumbered(ledger) ? balances : {}
    const unlike = await (books && new BookCheck(books, this.#inPartitions).run())
    if (unlike !== undefined) return unlike
    for (const checked of this.#chains.values()) {
      const { partition, kind } = checked.chain.name
      if (kind === 'call') continue
      const fault = await balanceFault(checked.money, balances, {
        partition,
        readOn: (heard) => this.#readOn(checked, { heard }),
        last: () => checked.chain.last,
      })
      if (fault !== undefined) return fault
    }
    return undefined
  }

  readonly #inPartitions: Chains = {
    readTo: async (partition, end) =>
      (await this.#readTo({ partition, kind: 'money' }, end)) ?? (await this.#readTo({ partition, kind: 'call' }, end)),
    of: (partition) => {
      const { money, chain } = this.#checked({ partition, kind: 'money' })
      return { money, chain, calls: this.#checked({ partition, kind: 'call' }).chain }
    },
    partitions: () => Array.from(this.#chains.values(), ({ chain }) => chain.name.partition),
  }

  /** Reads a chain up to where the store says that it ended. */
  async #readTo(name: ChainName, end: BookEnd): Promise<VerificationFault | undefined> {
    const { partition, kind } = name
    const expected = end[kind]
    const checked = this.#checked(name)
    const { chain, money } = checked
    // Where there is a budget there is an entry, though nobody counts it.
    const to = kind === 'money' ? Math.max(expected, 1) : expected
    const fault = (await this.#readOn(checked, { to })) ?? money.endStep()
    if (fault !== undefined) return fault
    if (chain.last > expected) return chain.broken(expected + 1, 'uncounted')
    if (chain.last < expected)
      return { kind: 'truncated', partition, record: kind, last: chain.last, expected, by: 'store' }
    return undefined
  }

  // A sealer may have sealed more since the ledger was read: what it sealed is there, or was cut off. It goes on
  // meanwhile, so that only what was sealed before the second reading is missed.
  async #cut(checked: Checked): Promise<VerificationFault | undefined> {
    const { chain } = checked
    const cut = await chain.cut()
    if (cut === undefined) return undefined
    const fault = await this.#readOn(checked)
    if (fault !== undefined) return fault
    return chain.last < cut.expected ? { ...cut, last: chain.last } : undefined
  }

  async #readOn(
    checked: Checked,
    { heard, to = Infinity }: { readonly heard?: (entry: MoneyEntry) => void; readonly to?: number } = {},
  ): Promise<VerificationFault | undefined> {
    const { ledger, progress } = this.#options
    if (!isNumbered(ledger)) return undefined
    const { chain } = checked
    for (;;) {
      const most = Math.min(1_000, to - chain.last)
      if (most <= 0) return undefined
      const found = await readable(ledger, { ...chain.name, after: chain.last }, most)
      if (found === undefined) return chain.broken(chain.last + 1, 'changed')
      const { page, limit } = found
      for (const record of page) {
        const fault = await this.#add(checked, record)
        if (fault !== undefined) return fault
        if (record.record.kind === 'money') heard?.(record.record)
      }
      if (page.length > 0) progress?.(this.#records)
      // No more than was there: who writes may be faster than who reads.
      if (page.length < limit) return undefined
    }
  }

  async #add({ chain, money }: Checked, record: ChainRecord): Promise<VerificationFault | undefined> {
    const broken = await chain.add(record)
    if (broken !== undefined) return broken
    this.#records++
    return record.record.kind === 'money' ? money.add(record.record, record.seq) : undefined
  }

  #checked({ partition, kind }: ChainName): Checked {
    const name = { partition, kind }
    const known = this.#chains.get(chainKey(name))
    if (known !== undefined) return known
    const chain = new ChainCheck(name, this.#options.seals, this.#list.marksOf(name))
    const made = { chain, money: new MoneyCheck(partition) }
    this.#chains.set(chainKey(name), made)
    return made
  }
}

function isNumbered(ledger: VerifyOptions['ledger']): ledger is NumberedLedger {
  return 'numbered' in ledger
}

/** What follows in a chain; `undefined` where the very next record is damaged so that it cannot be read. */
async function readable(
  ledger: NumberedLedger,
  of: ChainName & { readonly after: number },
  most: number,
): Promise<{ readonly page: readonly ChainRecord[]; readonly limit: number } | undefined> {
  for (const limit of [most, 1]) {
    try {
      return { page: await recordsAfter(ledger, { ...of, limit }), limit }
    } catch (error) {
      // A text that was JSON, or columns that are not those of their record.
      const isDamaged =
        error instanceof SyntaxError || (BudgetError.isInstance(error) && error.code === 'invalid_store')
      if (!isDamaged) throw error
    }
  }
  return undefined
}
