import type {
  CallRecord,
  Ledger,
  LedgerRecord,
  MoneyEntry,
  MoneySink,
  NumberedLedger,
  NumberedRecord,
} from 'mcp-budget'
import type { ChainName } from 'mcp-budget/audit'

/** A ledger of lists that a test may do with what it likes. */
export class ArrayLedger implements Ledger, MoneySink, NumberedLedger {
  readonly chains = new Map<string, NumberedRecord[]>()

  append(records: readonly LedgerRecord[]): void {
    for (const record of records) {
      if (record.kind === 'money') this.of({ partition: record.partition, kind: 'money' }).push(money(record))
      else if (record.kind === 'call') {
        const list = this.of({ partition: record.budgets[0]?.split('/')[0] ?? '', kind: 'call' })
        list.push({ seq: list.length + 1, record })
      }
    }
  }

  entries(): readonly LedgerRecord[] {
    return [...this.chains.values()].flat().map(({ record }) => record)
  }

  partitions(): readonly string[] {
    return [...new Set([...this.chains.keys()].map((key) => key.slice(key.indexOf(' ') + 1)))].sort()
  }

  numbered({ after, limit, ...name }: ChainName & { after: number; limit: number }): readonly NumberedRecord[] {
    const list = this.of(name)
    // As a database finds them: by number, whatever was done to the list.
    const found = list.filter(({ seq }) => seq > after).sort((a, b) => a.seq - b.seq)
    return found.slice(0, limit).map((each) => structuredClone(each))
  }

  /** The records of a chain, to be changed. */
  of({ partition, kind }: ChainName): NumberedRecord[] {
    const key = `${kind} ${partition}`
    const list = this.chains.get(key) ?? []
    this.chains.set(key, list)
    return list
  }
}

function money(record: MoneyEntry): NumberedRecord {
  return { seq: record.seq, record }
}

/** A record of a call that ran. */
export function callRecord(more: Partial<CallRecord> = {}): CallRecord {
  return {
    kind: 'call',
    chargeId: 'c1',
    at: 1_800_000_000_000,
    durationMs: 5,
    tool: 'search',
    server: undefined,
    tokenId: undefined,
    budgets: ['default/a'],
    outcome: 'result',
    proves: 'ran',
    refusal: undefined,
    cost: 5,
    price: 'default',
    charge: { held: 5, charged: 5, end: 'captured' },
    ...more,
  } as CallRecord
}
