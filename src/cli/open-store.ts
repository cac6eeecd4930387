import { BudgetError } from 'mcp-budget'
import { existsSync } from 'node:fs'
import { CliError } from './cli-error.js'
import { loadPg, loadRedis } from './drivers.js'
import type { BudgetEnforcer, DelegatingEnforcer } from 'mcp-budget'
import type { PostgresBudgetEnforcer } from 'mcp-budget/postgres'
import type { RedisBudgetEnforcer, RedisPort } from 'mcp-budget/redis'
import type { SchemaVersions, SqliteBudgetEnforcer } from 'mcp-budget/sqlite'
import type { StoreAddress } from './store-address.js'

/** A store that is open. `close` it in the end. */
export type OpenStore = {
  readonly enforcer: BudgetEnforcer & DelegatingEnforcer
  readonly close: () => Promise<void>
} & (
  | { readonly kind: 'sqlite'; readonly enforcer: SqliteBudgetEnforcer }
  | { readonly kind: 'postgres'; readonly enforcer: PostgresBudgetEnforcer }
  | { readonly kind: 'redis'; readonly enforcer: RedisBudgetEnforcer }
)

/** A store whose tables have versions. */
export interface Versioned {
  /** What is there; nothing is changed. */
  readonly versions: SchemaVersions
  /** Opens the store, which brings it to the newest version. */
  readonly open: () => Promise<OpenStore>
  readonly close: () => Promise<void>
}

const CONNECT_MS = 5_000
const ANSWER_MS = 30_000

/**
 * Opens a store, and changes nothing but with `create`: a file or a schema that is not there, or is of an older
 * version, is an error.
 */
export async function openStore(address: StoreAddress, { create = false } = {}): Promise<OpenStore> {
  if (address.kind === 'redis') return await openRedis(address)
  const found = await versioned(address, { create })
  const { versions } = found
  if (versions.found === versions.newest || (create && versions.found === 0)) return await found.open()
  await found.close()
  throw new CliError({
    slug: 'invalid_store',
    message: `Expected tables of version ${versions.newest}, got ${versions.found === 0 ? 'none' : versions.found}`,
    hint: 'Run `mcp-budget migrate`',
  })
}

/** The tables of a store, before they are used. `create`: a file that is not there is made. */
export async function versioned(
  address: Exclude<StoreAddress, { kind: 'redis' }>,
  { create = false } = {},
): Promise<Versioned> {
  return address.kind === 'sqlite' ? await sqlite(address.path, create) : await postgres(address)
}

async function sqlite(database: string, create: boolean): Promise<Versioned> {
  const { SqliteBudgetEnforcer } = await import('mcp-budget/sqlite')
  if (!existsSync(database) && !create) {
    const hint = 'Is the path right? To make it, run `mcp-budget migrate`'
    throw new CliError({ slug: 'invalid_store', message: `Expected a file at ${database}, got none`, hint })
  }
  const versions = await SqliteBudgetEnforcer.versions({ database })
  const open = async (): Promise<OpenStore> => {
    const enforcer = await SqliteBudgetEnforcer.open({ database })
    return { kind: 'sqlite', enforcer, close: () => enforcer.shutdown() }
  }
  return { versions, open, close: async () => {} }
}

async function postgres({ url, schema }: Extract<StoreAddress, { kind: 'postgres' }>): Promise<Versioned> {
  const { Pool } = (await loadPg()).default
  const { PostgresBudgetEnforcer } = await import('mcp-budget/postgres')
  const pool = new Pool({ connectionString: url, max: 2, connectionTimeoutMillis: CONNECT_MS, allowExitOnIdle: true })
  pool.on('error', () => {})
  const close = (): Promise<void> => pool.end()
  const options = { pool, ...(schema !== undefined && { schema }) }
  try {
    const versions = await PostgresBudgetEnforcer.versions(options)
    const open = async (): Promise<OpenStore> => {
      const enforcer = await PostgresBudgetEnforcer.open(options)
      return { kind: 'postgres', enforcer, close: async () => (await enforcer.shutdown(), await close()) }
    }
    return { versions, open, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function openRedis({ url, prefix }: Extract<StoreAddress, { kind: 'redis' }>): Promise<OpenStore> {
  const { port, close } = await connected(url)
  const { RedisBudgetEnforcer } = await import('mcp-budget/redis')
  const enforcer = new RedisBudgetEnforcer({ redis: port, ...(prefix !== undefined && { prefix }) })
  try {
    await enforcer.ready()
  } catch (error) {
    await close()
    throw error
  }
  return { kind: 'redis', enforcer, close }
}

async function connected(url: string): Promise<{ readonly port: RedisPort; readonly close: () => Promise<void> }> {
  const { ioredis, redis } = await loadRedis()
  const { ioredisPort, nodeRedisPort } = await import('mcp-budget/redis')
  let last: unknown
  const noted = (error: unknown): void => void (last = error)
  const reach = (connecting: Promise<unknown>, close: () => void): Promise<unknown> =>
    within(CONNECT_MS, connecting).catch((error: unknown) => {
      close()
      throw outOfReach(last ?? error)
    })
  if (ioredis !== undefined) {
    const once = { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0, connectTimeout: CONNECT_MS }
    const client = new ioredis.Redis(url, once)
    client.on('error', noted)
    await reach(client.connect(), () => client.disconnect())
    return { port: patient(ioredisPort(client)), close: async () => client.disconnect() }
  }
  const client = redis.createClient({ url, socket: { reconnectStrategy: false, connectTimeout: CONNECT_MS } })
  client.on('error', noted)
  await reach(client.connect(), () => client.destroy())
  return { port: patient(nodeRedisPort(client)), close: async () => client.destroy() }
}

/** A server that takes a command and never answers would keep a script for ever. */
function patient(port: RedisPort): RedisPort {
  return { send: (key, command) => within(ANSWER_MS, port.send(key, command)) }
}

async function within<Answer>(ms: number, asked: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, fail) => {
    const message = `Expected an answer of Redis within ${ms / 1_000} seconds, got none`
    timer = setTimeout(() => fail(new BudgetError({ code: 'timeout', message })), ms)
  })
  return await Promise.race([asked, late]).finally(() => clearTimeout(timer))
}

function outOfReach(cause: unknown): CliError {
  const { message, code } = Object(cause) as { readonly message?: string; readonly code?: string }
  return new CliError({
    slug: 'store_unavailable',
    message: `Expected a connection to Redis, got ${message || code || 'none'}`,
    hint: 'Is the server running, and is the address right?',
    cause,
  })
}
