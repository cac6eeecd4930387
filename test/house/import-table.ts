import type { Import } from './imports.js'

/** What one folder of src/ may import, besides itself: a row of the table in docs/architecture.md. */
export interface Row {
  /** Folders and files of src/ that it may import values from. */
  readonly values: readonly string[]
  /** Folders and files of src/ that it may import types from, besides `values`. */
  readonly types: readonly string[]
  readonly packages: readonly string[]
  /** May it import `node:` builtins? */
  readonly node: boolean
}

/** Ports, the names they speak of, and the rules of a hold: what a feature, or a store, may use of another feature. */
const PORTS = [
  'budget/budget-id.ts',
  'budget/enforcer.ts',
  'budget/hold.ts',
  'budget/lease.ts',
  'budget/outbox.ts',
  'budget/reach.ts',
  'budget/refusals.ts',
  'ledger/call-sums.ts',
  'ledger/ledger.ts',
  'ledger/entry.ts',
  'ledger/operations.ts',
  'ledger/read-query.ts',
  'tasks/task-store.ts',
  'tasks/task-requests.ts',
]
const FEATURES = ['pricing/', 'budget/', 'delegation/', 'tasks/', 'ledger/']
const SEATS_AND_STORES = ['meter.ts', 'mcp/', 'backends/engine/', 'backends/memory/']

const FEATURE: Row = { values: ['core/', ...PORTS], types: FEATURES, packages: [], node: false }
/** The rules of a store, and one that keeps nothing outside of this process. */
const STORE: Row = { values: ['core/', ...PORTS], types: FEATURES, packages: [], node: false }
const CLI_PACKAGES = [
  'commander',
  'mcp-budget',
  'mcp-budget/audit',
  'mcp-budget/delegation',
  'mcp-budget/leases',
  'mcp-budget/postgres',
  'mcp-budget/redis',
  'mcp-budget/sqlite',
]
const NOTHING_MORE = { types: [], packages: [], node: false }

/** The longest key that a file's path begins with is its row; a file without a row may not be there. */
export const TABLE: Readonly<Record<string, Row>> = {
  'index.ts': { values: ['core/', ...FEATURES, ...SEATS_AND_STORES], ...NOTHING_MORE },
  'meter.ts': { values: ['core/', ...FEATURES], ...NOTHING_MORE },
  // A name with `#` is a port's own way to one of its two implementations.
  'core/': { values: ['core/'], types: [], packages: ['eventemitter3', '#crypto', '#diagnostics'], node: false },
  'core/crypto/node.ts': { values: ['core/'], types: [], packages: [], node: true },
  'core/diagnostics/node.ts': { values: ['core/'], types: [], packages: [], node: true },
  'pricing/': FEATURE,
  'budget/': FEATURE,
  // Shadow mode judges on a memory enforcer of its own.
  'budget/shadow-gate.ts': { ...FEATURE, values: [...FEATURE.values, 'backends/memory/'] },
  'delegation/': { ...FEATURE, packages: ['#crypto'] },
  // What verifies never loads the package, which mints.
  'delegation/macaroon.ts': { ...FEATURE, packages: ['macaroon'] },
  'tasks/': FEATURE,
  // In shadow mode it remembers apart from those who enforce.
  'tasks/with-task-tracking.ts': { ...FEATURE, values: [...FEATURE.values, 'backends/memory/'] },
  'ledger/': FEATURE,
  // A file is appended to by the entry that drains, and by no other.
  'ledger/drain/': { ...FEATURE, node: true },
  // Node only: it signs, and writes files.
  'audit/': { ...FEATURE, node: true },
  'leases/': FEATURE,
  // What outlives a process is in a file.
  'leases/file-journal.ts': { ...FEATURE, node: true },
  'mcp/': { values: ['core/'], types: FEATURES, packages: [], node: false },
  'backends/engine/': STORE,
  'backends/memory/': { ...STORE, values: [...STORE.values, 'backends/engine/'] },
  'backends/sql/': { ...STORE, values: [...STORE.values, 'backends/engine/'] },
  'backends/postgres/': { ...STORE, values: [...STORE.values, 'backends/sql/'] },
  'backends/sqlite/': { ...STORE, values: [...STORE.values, 'backends/sql/'] },
  // How requests are checked, and answers remembered; and the rules of a ledger that is summed up here.
  'backends/redis/': {
    ...STORE,
    values: [...STORE.values, 'backends/engine/', 'backends/memory/', 'ledger/matching.ts', 'ledger/report.ts'],
  },
  // A driver is named where it is opened, and nowhere else.
  'backends/sqlite/open-handle.ts': { ...STORE, packages: ['libsql'] },
  // The command uses this package as its users do, by its entries; the drivers are the user's own.
  'cli/': { values: [], types: [], packages: CLI_PACKAGES, node: true },
  'cli/drivers.ts': {
    values: [],
    types: [],
    packages: ['mcp-budget/delegation', 'ioredis', 'pg', 'redis'],
    node: true,
  },
  'testing/': { values: ['core/', ...FEATURES, 'backends/engine/', 'backends/memory/', 'mcp/'], ...NOTHING_MORE },
}

/** What is wrong with an import, or undefined. */
export function judge(found: Import, table: Readonly<Record<string, Row>> = TABLE): string | undefined {
  const key = rowOf(found.from, table)
  const say = (why: string): string => `src/${found.from}:${found.line} imports '${found.specifier}': ${why}`
  if (key === undefined) return say('the table has no row for this file')
  const row = table[key]!
  const { specifier, target } = found
  if (target === undefined) {
    if (specifier.startsWith('node:')) return row.node ? undefined : say(`${key} may not import node: builtins`)
    return row.packages.includes(specifier) ? undefined : say(`${key} may not import this package`)
  }
  const own = key.endsWith('/') ? key : key.slice(0, key.lastIndexOf('/') + 1)
  if (own !== '' && target.startsWith(own)) return undefined
  if (covers(row.values, target)) return undefined
  if (!covers(row.types, target)) return say(`${key} may not import from there`)
  return found.typeOnly ? undefined : say(`${key} may import only types from there`)
}

function rowOf(file: string, table: Readonly<Record<string, Row>>): string | undefined {
  return Object.keys(table)
    .filter((key) => (key.endsWith('/') ? file.startsWith(key) : file === key))
    .sort((a, b) => b.length - a.length)[0]
}

function covers(places: readonly string[], target: string): boolean {
  return places.some((place) => (place.endsWith('/') ? target.startsWith(place) : target === place))
}
