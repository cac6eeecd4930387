import { Pool, type PoolConfig } from 'pg'
import { PostgresBudgetEnforcer, type PostgresBudgetEnforcerOptions } from '../../../src/backends/postgres/index.js'

let count = 0

/** A name for a schema that no other test has. */
export function newSchema(): string {
  return `t${process.pid}_${Date.now().toString(36)}_${count++}`
}

/** How statements are sent: each when the one before was answered, or at once. */
export const WAYS = [
  ['that wait for each answer', false],
  ['that pipeline', true],
] as const

/** A pool of connections to a server that tests share. */
export function poolOf(connectionString: string, max = 8, pipeline = false): Pool {
  // Its types do not know of `pipeline` yet.
  const options: PoolConfig & { readonly pipeline: boolean } = { connectionString, max, pipeline }
  const pool = new Pool(options)
  // A server that ends says so to connections that nobody uses.
  pool.on('error', () => {})
  // So does one that ends right behind its welcome, before anybody has the connection and listens.
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

/** A store in a schema of its own. */
export function openStore(pool: Pool, options: Partial<PostgresBudgetEnforcerOptions> = {}) {
  return PostgresBudgetEnforcer.open({ pool, schema: newSchema(), ...options })
}
