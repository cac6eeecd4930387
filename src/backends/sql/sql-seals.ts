import { keptText, textOf } from './kept-text.js'
import type { ChainKind, ChainName, Seal, SealStore } from '../../ledger/seal.js'
import type { LedgerReader } from './sql-ledger.js'
import type { LedgerSelectOf } from './ledger-queries.js'

/** The columns of a seal. */
export const SEAL_COLUMNS = ['partition', 'kind', 'after', 'seq', 'hash', 'marks', 'at'] as const

/** How seals get at their database. */
export interface SealAccess {
  /** Adds one unless there is one after the same record. */
  add(seal: Seal): Promise<boolean>
  read<Answer>(work: (reader: LedgerReader) => Promise<Answer>): Promise<Answer>
}

/** The seals of a ledger, in the same database. */
export class SqlSeals implements SealStore {
  readonly #access: SealAccess

  constructor(access: SealAccess) {
    this.#access = access
  }

  add(seal: Seal): Promise<boolean> {
    return this.#access.add({ ...seal, partition: keptText(seal.partition) })
  }

  async read(of: ChainName & { readonly after: number; readonly limit: number }): Promise<readonly Seal[]> {
    const rows = await this.#select<Seal>(sealsQuery({ ...of, partition: keptText(of.partition) }))
    return rows.map(sealOf)
  }

  async heads(): Promise<readonly Seal[]> {
    return (await this.#select<Seal>(headsQuery)).map(sealOf)
  }

  async behind(): Promise<readonly ChainName[]> {
    const rows = await this.#select<ChainName>(behindQuery)
    return rows.map(({ partition, kind }) => ({ partition: textOf(partition), kind }))
  }

  #select<Row>(of: LedgerSelectOf): Promise<readonly Row[]> {
    return this.#access.read(async (reader) => reader.select<Row>(of))
  }
}

function sealOf(row: Seal): Seal {
  return { ...row, partition: textOf(row.partition) }
}

/** The statement that adds a seal: it answers with a row where it has. */
export function addSeal(table: string, parameter: (n: number) => string): string {
  const names = SEAL_COLUMNS.map((name) => `"${name}"`).join(', ')
  const values = SEAL_COLUMNS.map((_, i) => parameter(i + 1)).join(', ')
  return `INSERT INTO ${table} (${names}) VALUES (${values}) ON CONFLICT DO NOTHING RETURNING "seq"`
}

const NAMES = SEAL_COLUMNS.map((name) => `s."${name}"`).join(', ')

function sealsQuery(of: ChainName & { readonly after: number; readonly limit: number }): LedgerSelectOf {
  return (d) => ({
    sql: `SELECT ${NAMES} FROM ${d.table('seals')} s WHERE s."partition" = ${d.text(1)} AND s."kind" = ${d.text(2)}
      AND s."seq" > ${d.number(3)} ORDER BY s."seq" LIMIT ${d.number(4)}`,
    columns: SEAL_COLUMNS,
    values: [of.partition, of.kind, of.after, of.limit],
  })
}

// One look for each partition: there are few, and there is no end of seals.
const headsQuery: LedgerSelectOf = (d) => {
  const seals = d.table('seals')
  const next = `SELECT min("partition") FROM ${seals} WHERE "partition" > p."id"`
  const last = `SELECT max("seq") FROM ${seals} WHERE "partition" = p."id" AND "kind" = k."kind"`
  return {
    sql: `WITH RECURSIVE p("id") AS (
        SELECT min("partition") FROM ${seals} UNION ALL SELECT (${next}) FROM p WHERE p."id" IS NOT NULL)
      SELECT ${NAMES} FROM p CROSS JOIN (SELECT 'money' AS "kind" UNION ALL SELECT 'call') AS k
        JOIN ${seals} s ON s."partition" = p."id" AND s."kind" = k."kind" AND s."seq" = (${last})`,
    columns: SEAL_COLUMNS,
    values: [],
  }
}

const behindQuery: LedgerSelectOf = (d) => {
  const sealed = (kind: ChainKind): string =>
    `coalesce((SELECT max("seq") FROM ${d.table('seals')} WHERE "partition" = p."id" AND "kind" = '${kind}'), 0)`
  const behind = (kind: ChainKind, column: string): string =>
    `SELECT p."id" AS "partition", '${kind}' AS "kind" FROM ${d.table('partitions')} p WHERE p."${column}" > ${sealed(kind)}`
  return {
    sql: `${behind('money', 'seq')} UNION ALL ${behind('call', 'calls')}`,
    columns: ['partition', 'kind'],
    values: [],
  }
}
