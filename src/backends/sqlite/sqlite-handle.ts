/** What a store needs of a driver: `node:sqlite`, `libsql` and `better-sqlite3` have it. */
export interface SqliteHandle {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
  close(): unknown
}

/** A prepared statement. Parameters are texts and numbers by position. */
export interface SqliteStatement {
  all(...parameters: ReadonlyArray<string | number>): unknown[]
  run(...parameters: ReadonlyArray<string | number>): unknown
}
