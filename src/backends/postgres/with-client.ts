import type { PostgresClient, PostgresPool } from './postgres-pool.js'

/** Does work on a connection of the pool, and gives it back, spoiled where that was said. */
export async function withClient<Answer>(
  pool: PostgresPool,
  work: (client: PostgresClient, spoil: (error: Error) => void) => Promise<Answer>,
): Promise<Answer> {
  const client = await pool.connect()
  let spoiled: Error | undefined
  const spoil = (error: Error): void => void (spoiled = error)
  // A connection that breaks says so twice: to the query that waits, and as an event.
  client.on?.('error', spoil)
  try {
    return await work(client, spoil)
  } finally {
    client.removeListener?.('error', spoil)
    client.release(spoiled)
  }
}
