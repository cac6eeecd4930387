const CREDITS = (column: string): string =>
  `"${column}" bigint NOT NULL CHECK ("${column}" BETWEEN 0 AND 9007199254740991)`
const CHANGE = (column: string): string =>
  `"${column}" bigint NOT NULL CHECK ("${column}" BETWEEN -9007199254740991 AND 9007199254740991)`
const BALANCE = ['available', 'held', 'spent', 'debt', 'in', 'out', 'burned']

/** The record of a call as JSON whose texts PostgreSQL can hold: no NUL, no half of a character. */
const KEPT = String.raw`replace(replace("body", '\u0000', '\ufffd'), '\ud', '\ufffd')`

/**
 * Each makes the schema of its number, counted from 1, out of the one before. What was published is never changed.
 * `s` is the name of the schema.
 */
export const MIGRATIONS: ReadonlyArray<(s: string) => string> = [
  (s) => `
CREATE TABLE ${s}.partitions (
  "id" text COLLATE "C" PRIMARY KEY, "seq" bigint NOT NULL, "born" bigint NOT NULL, "now" bigint NOT NULL,
  "forgotten" bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE ${s}.budgets (
  "id" text COLLATE "C" PRIMARY KEY, "partition" text COLLATE "C" NOT NULL, "parent" text COLLATE "C",
  "state" text NOT NULL CHECK ("state" IN ('open', 'closing', 'closed')),
  ${BALANCE.map(CREDITS).join(', ')},
  "open_holds" bigint NOT NULL, "live_children" bigint NOT NULL, "is_parent" smallint NOT NULL,
  "initial" bigint, "window_start" bigint, "window_end" bigint, "delegated" text, "nonce" text COLLATE "C",
  "ends_at" bigint, "closed_at" bigint, "born" bigint NOT NULL,
  CHECK ("in"::numeric + "debt" = "available"::numeric + "held" + "spent" + "out" + "burned")
) WITH (fillfactor = 50);
CREATE INDEX budgets_parent ON ${s}.budgets ("parent") WHERE "parent" IS NOT NULL;
CREATE INDEX budgets_nonce ON ${s}.budgets ("nonce") WHERE "nonce" IS NOT NULL;
CREATE INDEX budgets_ending ON ${s}.budgets ("partition", "ends_at") WHERE "state" = 'open' AND "ends_at" IS NOT NULL;
CREATE INDEX budgets_closed ON ${s}.budgets ("partition", "closed_at") WHERE "closed_at" IS NOT NULL;

CREATE TABLE ${s}.prefixes (
  "prefix" text COLLATE "C" NOT NULL, "budget" text COLLATE "C" NOT NULL, PRIMARY KEY ("prefix", "budget")
);

CREATE TABLE ${s}.holds (
  "id" text COLLATE "C" PRIMARY KEY, "partition" text COLLATE "C" NOT NULL,
  "state" text NOT NULL CHECK ("state" IN ('open', 'captured', 'released', 'expired', 'refused')),
  "deadline" bigint NOT NULL, "ended_at" bigint, "body" text NOT NULL
);
CREATE INDEX holds_due ON ${s}.holds ("partition", "deadline") WHERE "state" = 'open';
CREATE INDEX holds_ended ON ${s}.holds ("partition", "ended_at") WHERE "ended_at" IS NOT NULL;

CREATE TABLE ${s}.answers (
  "verb" text COLLATE "C" NOT NULL, "id" text COLLATE "C" NOT NULL, "at" bigint NOT NULL, "payload" text NOT NULL,
  "answer" text NOT NULL, PRIMARY KEY ("verb", "id")
);
CREATE INDEX answers_at ON ${s}.answers ("at");

CREATE TABLE ${s}.counters (
  "root" text COLLATE "C" NOT NULL, "prefix" text COLLATE "C" NOT NULL, "used" double precision NOT NULL,
  "at" bigint NOT NULL, "limit_of" text NOT NULL, PRIMARY KEY ("root", "prefix")
) WITH (fillfactor = 50);
CREATE TABLE ${s}.counts ("root" text COLLATE "C" PRIMARY KEY, "size" bigint NOT NULL, "searched_at" bigint);

CREATE TABLE ${s}.bans (
  "partition" text COLLATE "C" NOT NULL, "id" text COLLATE "C" NOT NULL, "kind" text NOT NULL, "value" bigint,
  PRIMARY KEY ("partition", "id", "kind")
);

CREATE TABLE ${s}.entries (
  "partition" text COLLATE "C" NOT NULL, "seq" bigint NOT NULL, "at" bigint NOT NULL, "op" text NOT NULL,
  "budget" text COLLATE "C" NOT NULL, "id" text COLLATE "C" NOT NULL, "tool" text, "counter" text COLLATE "C",
  ${BALANCE.map(CHANGE).join(', ')}, PRIMARY KEY ("partition", "seq")
);
CREATE INDEX entries_id ON ${s}.entries ("id");
CREATE INDEX entries_budget ON ${s}.entries ("budget", "at");

CREATE TABLE ${s}.calls (
  "n" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "charge_id" text COLLATE "C", "at" bigint, "tool" text NOT NULL,
  "body" text NOT NULL
);
CREATE INDEX calls_charge ON ${s}.calls ("charge_id");
CREATE INDEX calls_at ON ${s}.calls ("at");

CREATE TABLE ${s}.tasks (
  "name" text COLLATE "C" NOT NULL, "principal" text COLLATE "C" NOT NULL,
  "state" text NOT NULL CHECK ("state" IN ('open', 'ending', 'ended')),
  "due_at" bigint NOT NULL, "ended_at" bigint, "body" text NOT NULL, PRIMARY KEY ("name", "principal")
);
CREATE INDEX tasks_due ON ${s}.tasks ("due_at") WHERE "state" <> 'ended';
CREATE INDEX tasks_ended ON ${s}.tasks ("ended_at") WHERE "ended_at" IS NOT NULL;
CREATE TABLE ${s}.attempt_keys (
  "principal" text COLLATE "C" NOT NULL, "key" text COLLATE "C" NOT NULL, "at" bigint NOT NULL, "body" text NOT NULL,
  PRIMARY KEY ("principal", "key")
);
CREATE INDEX attempt_keys_at ON ${s}.attempt_keys ("at");
CREATE TABLE ${s}.key_counts ("principal" text COLLATE "C" PRIMARY KEY, "size" bigint NOT NULL);
CREATE TABLE ${s}.failures (
  "operation" text COLLATE "C" PRIMARY KEY, "changed" bigint NOT NULL, "body" text NOT NULL
);
CREATE INDEX failures_changed ON ${s}.failures ("changed");
CREATE TABLE ${s}.task_totals (
  "id" text COLLATE "C" PRIMARY KEY, "tasks" bigint NOT NULL, "ended" bigint NOT NULL, "failures" bigint NOT NULL
);
`,
  // Records of calls are numbered, and have columns for what they are asked by. The partition of one is that of its
  // first budget, or, where that is gone, the tenant of it. What a text of PostgreSQL cannot hold is
  // replaced.
  (s) => `
ALTER TABLE ${s}.partitions ADD COLUMN "calls" bigint NOT NULL DEFAULT 0;

CREATE TABLE ${s}.numbered_calls (
  "partition" text COLLATE "C" NOT NULL, "seq" bigint NOT NULL, "charge_id" text COLLATE "C", "at" bigint NOT NULL,
  "tool" text COLLATE "C" NOT NULL, "token_id" text COLLATE "C", "task_id" text COLLATE "C",
  "operation_id" text COLLATE "C", "payer" text COLLATE "C" NOT NULL, "server" text COLLATE "C" NOT NULL,
  "outcome" text NOT NULL, "proves" text NOT NULL,
  "calls" bigint NOT NULL, "charged" bigint NOT NULL, "reported" bigint NOT NULL, "body" text NOT NULL
);
INSERT INTO ${s}.numbered_calls
SELECT "partition", row_number() OVER (PARTITION BY "partition" ORDER BY "n"), "charge_id", "at", "tool",
  j ->> 'tokenId', j ->> 'taskId', j ->> 'operationId', "payer", coalesce(j ->> 'server', ''),
  j ->> 'outcome', j ->> 'proves',
  CASE WHEN "charge_id" IS NULL THEN (j ->> 'calls')::bigint
    WHEN j ->> 'outcome' = 'input-required' OR j ->> 'taskEnd' IS NOT NULL THEN 0 ELSE 1 END,
  coalesce(j #>> '{charge,charged}', j ->> 'charged', '0')::bigint,
  coalesce(j #>> '{charge,reported}', j ->> 'reported', '0')::bigint, "body"
FROM (
  SELECT c."n", c."charge_id", coalesce(c."at", -1) AS "at", c."tool", c."body", c.j, c."payer",
    coalesce(b."partition", split_part(c."payer", '/', 1)) AS "partition"
  FROM (
    SELECT *, coalesce(j #>> '{budgets,0}', '') COLLATE "C" AS "payer"
    FROM (SELECT *, ${KEPT}::json AS j FROM ${s}.calls) parsed
  ) c LEFT JOIN ${s}.budgets b ON b."id" = c."payer"
) found;
DROP TABLE ${s}.calls;
ALTER TABLE ${s}.numbered_calls RENAME TO calls;
ALTER TABLE ${s}.calls ADD CONSTRAINT calls_pkey PRIMARY KEY ("partition", "seq");
INSERT INTO ${s}.partitions ("id", "seq", "born", "now", "forgotten", "calls")
  SELECT "partition", 0, 0, 0, 0, max("seq") FROM ${s}.calls GROUP BY "partition"
  ON CONFLICT ("id") DO UPDATE SET "calls" = excluded."calls";
CREATE INDEX calls_charge ON ${s}.calls ("charge_id");
CREATE INDEX calls_at ON ${s}.calls ("at");
CREATE INDEX calls_tool ON ${s}.calls ("tool", "at");
CREATE INDEX calls_token ON ${s}.calls ("token_id", "charge_id") WHERE "token_id" IS NOT NULL;
CREATE INDEX calls_task ON ${s}.calls ("task_id", "payer", "server", "charge_id") WHERE "task_id" IS NOT NULL;
CREATE INDEX calls_operation ON ${s}.calls ("operation_id", "payer", "charge_id") WHERE "operation_id" IS NOT NULL;

CREATE TABLE ${s}.call_budgets (
  "budget" text COLLATE "C" NOT NULL, "at" bigint NOT NULL, "partition" text COLLATE "C" NOT NULL,
  "seq" bigint NOT NULL, PRIMARY KEY ("budget", "at", "partition", "seq")
);
INSERT INTO ${s}.call_budgets SELECT DISTINCT each, "at", "partition", "seq" FROM ${s}.calls,
  json_array_elements_text(${KEPT}::json -> 'budgets') AS each;
CREATE INDEX entries_at ON ${s}.entries ("at");
ALTER TABLE ${s}.entries ALTER COLUMN "tool" TYPE text COLLATE "C";
CREATE INDEX entries_tool ON ${s}.entries ("tool", "at") WHERE "tool" IS NOT NULL;
`,
  // What a sealer wrote of the records up to each: see docs/reference/ledger-integrity.md.
  (s) => `
CREATE TABLE ${s}.seals (
  "partition" text COLLATE "C" NOT NULL, "kind" text COLLATE "C" NOT NULL CHECK ("kind" IN ('money', 'call')),
  "after" bigint NOT NULL, "seq" bigint NOT NULL CHECK ("seq" > "after"), "hash" text NOT NULL, "marks" text NOT NULL,
  "at" bigint NOT NULL, PRIMARY KEY ("partition", "kind", "seq"), UNIQUE ("partition", "kind", "after")
);
`,
  // Leases.
  (s) =>
    ['leases', 'leased', 'forfeited']
      .map((column) => `ALTER TABLE ${s}.budgets ADD COLUMN ${CREDITS(column)} DEFAULT 0;`)
      .join('\n'),
  // The same checks, in one for each table: a statement reads and plans each anew. What is there was checked before, so
  // it is not looked at again. Answers are found by a list of ids: where that is the first column of an index, no plan
  // that was made for an empty table reads all answers of a verb instead.
  (s) => `
${checks(`${s}.entries`, 'changes', BALANCE, '-9007199254740991')}
${checks(`${s}.budgets`, 'balance', [...BALANCE, 'leases', 'leased', 'forfeited'], '0')}
ALTER TABLE ${s}.budgets DROP CONSTRAINT budgets_check, ADD CONSTRAINT budgets_sum
  CHECK ("in" + "debt" = "available" + "held" + "spent" + "out" + "burned") NOT VALID;
ALTER TABLE ${s}.answers DROP CONSTRAINT answers_pkey, ADD PRIMARY KEY ("id", "verb");
`,
]

function checks(table: string, name: string, columns: readonly string[], least: string): string {
  const prefix = table.slice(table.indexOf('.') + 1)
  const old = columns.map((column) => `DROP CONSTRAINT ${prefix}_${column}_check`)
  const all = columns.map((column) => `"${column}"`).join(', ')
  const check = `least(${all}) >= ${least} AND greatest(${all}) <= 9007199254740991`
  return `ALTER TABLE ${table} ${old.join(', ')}, ADD CONSTRAINT ${prefix}_${name} CHECK (${check}) NOT VALID;`
}
