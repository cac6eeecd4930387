/** What a store needs of a pool of connections. A `Pool` of the package `pg` has it. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>
}

/** One connection, for one transaction at a time. */
export interface PostgresClient {
  /**
   * Whether statements are sent as soon as they are given, without waiting for the answers of those before. A step is
   * then two round trips instead of five. A `Pool` of `pg` 8.23 or later has it where it is made with `pipeline: true`.
   */
  readonly pipeline?: boolean
  /**
   * With a `name`, a statement that the connection prepares once. `command` is what the server says that it did, such as
   * `COMMIT`; a driver that tells it lets the store notice a transaction that was rolled back instead.
   */
  query(statement: PostgresStatement): Promise<{ readonly rows: readonly unknown[]; readonly command?: string }>
  /** Gives the connection back; with an error, one that is not to be used again. */
  release(error?: Error): void
  /** Where the client is an emitter: its `error` ends the process if nobody listens, and the query fails in any case. */
  on?(event: 'error', listener: (error: Error) => void): unknown
  removeListener?(event: 'error', listener: (error: Error) => void): unknown
}

/** A statement. Its values are texts and numbers; lists are arrays of texts. */
export interface PostgresStatement {
  readonly name?: string
  readonly text: string
  readonly values?: unknown[]
}
