const CREDITS = (column: string): string =>
  `"${column}" INTEGER NOT NULL CHECK ("${column}" BETWEEN 0 AND 9007199254740991)`
const CHANGE = (column: string): string =>
  `"${column}" INTEGER NOT NULL CHECK ("${column}" BETWEEN -9007199254740991 AND 9007199254740991)`
const BALANCE = ['available', 'held', 'spent', 'debt', 'in', 'out', 'burned']

/** Each makes the schema of its number, counted from 1, out of the one before. What was published is never changed. */
export const MIGRATIONS: readonly string[] = [
  `
CREATE TABLE partitions (
  "id" TEXT PRIMARY KEY, "seq" INTEGER NOT NULL, "born" INTEGER NOT NULL, "now" INTEGER NOT NULL,
  "forgotten" INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE budgets (
  "id" TEXT PRIMARY KEY, "partition" TEXT NOT NULL, "parent" TEXT,
  "state" TEXT NOT NULL CHECK ("state" IN ('open', 'closing', 'closed')),
  ${BALANCE.map(CREDITS).join(', ')},
  "open_holds" INTEGER NOT NULL, "live_children" INTEGER NOT NULL, "is_parent" INTEGER NOT NULL,
  "initial" INTEGER, "window_start" INTEGER, "window_end" INTEGER, "delegated" TEXT, "nonce" TEXT,
  "ends_at" INTEGER, "closed_at" INTEGER, "born" INTEGER NOT NULL,
  CHECK ("in" + "debt" = "available" + "held" + "spent" + "out" + "burned")
) STRICT, WITHOUT ROWID;
CREATE INDEX budgets_parent ON budgets ("parent") WHERE "parent" IS NOT NULL;
CREATE INDEX budgets_nonce ON budgets ("nonce") WHERE "nonce" IS NOT NULL;
CREATE INDEX budgets_ending ON budgets ("partition", "ends_at") WHERE "state" = 'open' AND "ends_at" IS NOT NULL;
CREATE INDEX budgets_closed ON budgets ("closed_at") WHERE "closed_at" IS NOT NULL;

CREATE TABLE prefixes ("prefix" TEXT NOT NULL, "budget" TEXT NOT NULL, PRIMARY KEY ("prefix", "budget")) STRICT, WITHOUT ROWID;

CREATE TABLE holds (
  "id" TEXT PRIMARY KEY, "partition" TEXT NOT NULL,
  "state" TEXT NOT NULL CHECK ("state" IN ('open', 'captured', 'released', 'expired', 'refused')),
  "deadline" INTEGER NOT NULL, "ended_at" INTEGER, "body" TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX holds_due ON holds ("partition", "deadline") WHERE "state" = 'open';
CREATE INDEX holds_ended ON holds ("partition", "ended_at") WHERE "ended_at" IS NOT NULL;

CREATE TABLE answers (
  "verb" TEXT NOT NULL, "id" TEXT NOT NULL, "at" INTEGER NOT NULL, "payload" TEXT NOT NULL, "answer" TEXT NOT NULL,
  PRIMARY KEY ("verb", "id")
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_at ON answers ("at");

CREATE TABLE counters (
  "root" TEXT NOT NULL, "prefix" TEXT NOT NULL, "used" REAL NOT NULL, "at" INTEGER NOT NULL, "limit_of" TEXT NOT NULL,
  PRIMARY KEY ("root", "prefix")
) STRICT, WITHOUT ROWID;
CREATE TABLE counts ("root" TEXT PRIMARY KEY, "size" INTEGER NOT NULL, "searched_at" INTEGER) STRICT, WITHOUT ROWID;

CREATE TABLE bans (
  "partition" TEXT NOT NULL, "id" TEXT NOT NULL, "kind" TEXT NOT NULL, "value" INTEGER,
  PRIMARY KEY ("partition", "id", "kind")
) STRICT, WITHOUT ROWID;

CREATE TABLE entries (
  "partition" TEXT NOT NULL, "seq" INTEGER NOT NULL, "at" INTEGER NOT NULL, "op" TEXT NOT NULL, "budget" TEXT NOT NULL,
  "id" TEXT NOT NULL, "tool" TEXT, "counter" TEXT, ${BALANCE.map(CHANGE).join(', ')},
  PRIMARY KEY ("partition", "seq")
) STRICT, WITHOUT ROWID;
CREATE INDEX entries_id ON entries ("id");
CREATE INDEX entries_budget ON entries ("budget", "at");

CREATE TABLE calls (
  "n" INTEGER PRIMARY KEY, "charge_id" TEXT, "at" INTEGER, "tool" TEXT NOT NULL, "body" TEXT NOT NULL
) STRICT;
CREATE INDEX calls_charge ON calls ("charge_id");
CREATE INDEX calls_at ON calls ("at");

CREATE TABLE tasks (
  "name" TEXT NOT NULL, "principal" TEXT NOT NULL,
  "state" TEXT NOT NULL CHECK ("state" IN ('open', 'ending', 'ended')),
  "due_at" INTEGER NOT NULL, "ended_at" INTEGER, "body" TEXT NOT NULL, PRIMARY KEY ("name", "principal")
) STRICT, WITHOUT ROWID;
CREATE INDEX tasks_due ON tasks ("due_at") WHERE "state" <> 'ended';
CREATE INDEX tasks_ended ON tasks ("ended_at") WHERE "ended_at" IS NOT NULL;
CREATE TABLE attempt_keys (
  "principal" TEXT NOT NULL, "key" TEXT NOT NULL, "at" INTEGER NOT NULL, "body" TEXT NOT NULL,
  PRIMARY KEY ("principal", "key")
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_keys_at ON attempt_keys ("at");
CREATE TABLE key_counts ("principal" TEXT PRIMARY KEY, "size" INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE failures (
  "operation" TEXT PRIMARY KEY, "changed" INTEGER NOT NULL, "body" TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX failures_changed ON failures ("changed");
CREATE TABLE task_totals (
  "id" TEXT PRIMARY KEY, "tasks" INTEGER NOT NULL, "ended" INTEGER NOT NULL, "failures" INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`,
  // Leases.
  ['leases', 'leased', 'forfeited']
    .map((column) => `ALTER TABLE budgets ADD COLUMN ${CREDITS(column)} DEFAULT 0;`)
    .join('\n'),
]
