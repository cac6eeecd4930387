import { namesOf, type Dialect, type Query } from './queries.js'

/** What a step on tasks reads. */
export function taskQueries(
  d: Dialect,
): Readonly<
  Record<'tasks' | 'due' | 'over' | 'keys' | 'oldKeys' | 'keyCounts' | 'failures' | 'oldFailures' | 'totals', Query>
> {
  const from = (name: Parameters<typeof namesOf>[0], rest: string, parameters: readonly string[]): Query => {
    const columns = namesOf(name)
    const list = columns.map((column) => `"${column}"`).join(', ')
    return { sql: `SELECT ${list} FROM ${d.table(name)} ${rest}`, columns, parameters }
  }
  const oldest = `WHERE "at" <= ${d.number(1)} ORDER BY "at" LIMIT ${d.number(2)}`
  // The counts of the principals whose keys are too old: a subquery, for which they are the same rows.
  const owners = `SELECT "principal" FROM (SELECT * FROM ${d.table('attempt_keys')}
    WHERE "at" <= ${d.number(2)} ORDER BY "at" LIMIT ${d.number(3)}) AS old`
  return {
    tasks: from('tasks', `WHERE ${d.isIn('"name"', 1)}`, ['names']),
    due: from(
      'tasks',
      `WHERE "state" <> 'ended' AND "due_at" <= ${d.number(1)} ORDER BY "due_at" LIMIT ${d.number(2)}`,
      ['now', 'due'],
    ),
    over: from('tasks', `WHERE "ended_at" IS NOT NULL ORDER BY "ended_at" LIMIT ${d.number(1)}`, ['over']),
    keys: from('attempt_keys', `WHERE ("principal", "key") IN (${d.pairs(1)})`, ['keys']),
    oldKeys: from('attempt_keys', oldest, ['keysBefore', 'old']),
    keyCounts: from('key_counts', `WHERE ${d.isIn('"principal"', 1)} OR "principal" IN (${owners})`, [
      'principals',
      'keysBefore',
      'old',
    ]),
    failures: from('failures', `WHERE ${d.isIn('"operation"', 1)}`, ['operations']),
    oldFailures: from('failures', `ORDER BY "changed" LIMIT ${d.number(1)}`, ['old']),
    totals: from('task_totals', '', []),
  }
}
