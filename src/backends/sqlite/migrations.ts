const CREDITS = (column: string): string =>
  `"${column}" INTEGER NOT NULL CHECK ("${column}" BETWEEN 0 AND 9007199254740991)`
const CHANGE = (column: string): string =>
  `"${column}" INTEGER NOT NULL CHECK ("${column}" BETWEEN -9007199254740991 AND 9007199254740991)`
const BALANCE = ['available', 'held', 'spent', 'debt', 'in', 'out', 'burned']

/** The record of a call as JSON whose texts a driver can read: no NUL, no half of a character. */
const KEPT = String.raw`replace(replace("body", '\u0000', '\ufffd'), '\ud', '\ufffd')`

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
  // Records of calls are numbered, and have columns for what they are asked by. The partition of one is that of its
  // first budget, or, where that is gone, the tenant of it.
  `
ALTER TABLE partitions ADD COLUMN "calls" INTEGER NOT NULL DEFAULT 0;

CREATE TABLE numbered_calls (
  "partition" TEXT NOT NULL, "seq" INTEGER NOT NULL, "charge_id" TEXT, "at" INTEGER NOT NULL, "tool" TEXT NOT NULL,
  "token_id" TEXT, "task_id" TEXT, "operation_id" TEXT, "payer" TEXT NOT NULL, "server" TEXT NOT NULL,
  "outcome" TEXT NOT NULL, "proves" TEXT NOT NULL,
  "calls" INTEGER NOT NULL, "charged" INTEGER NOT NULL, "reported" INTEGER NOT NULL, "body" TEXT NOT NULL,
  PRIMARY KEY ("partition", "seq")
) STRICT, WITHOUT ROWID;
INSERT INTO numbered_calls
SELECT "partition", row_number() OVER (PARTITION BY "partition" ORDER BY "n"), "charge_id", "at", "tool", "token_id",
  "task_id", "operation_id", "payer", "server", "outcome", "proves", "calls", "charged", "reported", "body"
FROM (
  SELECT c."n", c."charge_id", coalesce(c."at", -1) AS "at", c."tool", c."body",
    coalesce(b."partition", substr(c."payer", 1, instr(c."payer", '/') - 1), '') AS "partition", c."payer",
    c."kept" ->> '$.tokenId' AS "token_id", c."kept" ->> '$.taskId' AS "task_id",
    c."kept" ->> '$.operationId' AS "operation_id", coalesce(c."kept" ->> '$.server', '') AS "server",
    c."kept" ->> '$.outcome' AS "outcome", c."kept" ->> '$.proves' AS "proves",
    CASE WHEN c."charge_id" IS NULL THEN c."kept" ->> '$.calls'
      WHEN c."kept" ->> '$.outcome' = 'input-required' OR c."kept" ->> '$.taskEnd' IS NOT NULL THEN 0 ELSE 1 END AS "calls",
    coalesce(c."kept" ->> '$.charge.charged', c."kept" ->> '$.charged', 0) AS "charged",
    coalesce(c."kept" ->> '$.charge.reported', c."kept" ->> '$.reported', 0) AS "reported"
  FROM (SELECT *, coalesce("kept" ->> '$.budgets[0]', '') AS "payer" FROM (SELECT *, ${KEPT} AS "kept" FROM calls)) c
  LEFT JOIN budgets b ON b."id" = c."payer"
);
DROP TABLE calls;
ALTER TABLE numbered_calls RENAME TO calls;
INSERT INTO partitions ("id", "seq", "born", "now", "forgotten", "calls")
  SELECT "partition", 0, 0, 0, 0, max("seq") FROM calls WHERE true GROUP BY "partition"
  ON CONFLICT ("id") DO UPDATE SET "calls" = excluded."calls";
CREATE INDEX calls_charge ON calls ("charge_id");
CREATE INDEX calls_at ON calls ("at");
CREATE INDEX calls_tool ON calls ("tool", "at");
CREATE INDEX calls_token ON calls ("token_id", "charge_id") WHERE "token_id" IS NOT NULL;
CREATE INDEX calls_task ON calls ("task_id", "payer", "server", "charge_id") WHERE "task_id" IS NOT NULL;
CREATE INDEX calls_operation ON calls ("operation_id", "payer", "charge_id") WHERE "operation_id" IS NOT NULL;

CREATE TABLE call_budgets (
  "budget" TEXT NOT NULL, "at" INTEGER NOT NULL, "partition" TEXT NOT NULL, "seq" INTEGER NOT NULL,
  PRIMARY KEY ("budget", "at", "partition", "seq")
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO call_budgets SELECT each.value, "at", "partition", "seq"
  FROM calls, json_each(${KEPT}, '$.budgets') AS each;
CREATE INDEX entries_at ON entries ("at");
CREATE INDEX entries_tool ON entries ("tool", "at") WHERE "tool" IS NOT NULL;
`,
  // What a sealer wrote of the records up to each: see docs/reference/ledger-integrity.md.
  `
CREATE TABLE seals (
  "partition" TEXT NOT NULL, "kind" TEXT NOT NULL CHECK ("kind" IN ('money', 'call')), "after" INTEGER NOT NULL,
  "seq" INTEGER NOT NULL CHECK ("seq" > "after"), "hash" TEXT NOT NULL, "marks" TEXT NOT NULL, "at" INTEGER NOT NULL,
  PRIMARY KEY ("partition", "kind", "seq"), UNIQUE ("partition", "kind", "after")
) STRICT, WITHOUT ROWID;
`,
  // Leases.
  ['leases', 'leased', 'forfeited']
    .map((column) => `ALTER TABLE budgets ADD COLUMN ${CREDITS(column)} DEFAULT 0;`)
    .join('\n'),
]
