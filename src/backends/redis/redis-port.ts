import { isObject } from '../../core/json.js'
import { misconfigured } from '../../core/settings.js'

/**
 * What the store needs of a client: to send one command, and to get its answer as the client reads it. Every command is
 * about keys of one hash slot.
 *
 * @example
 * ```ts
 * const port: RedisPort = { send: (_key, command) => client.sendCommand([...command]) }
 * ```
 */
export interface RedisPort {
  /** `key`: one of the command's keys, by which a cluster finds the node. */
  send(key: string, command: readonly string[]): Promise<unknown>
}

/** What is used of a client of `ioredis` or `iovalkey`, or of its `Cluster`. */
export interface IoredisLike {
  call(command: string, ...args: string[]): Promise<unknown>
}

/** What is used of a client of `redis`. */
export interface NodeRedisLike {
  sendCommand(args: string[]): Promise<unknown>
}

/** What is used of a cluster of `redis`. */
export interface NodeRedisClusterLike {
  sendCommand(firstKey: string, isReadonly: boolean, args: string[]): Promise<unknown>
}

/**
 * The port over a client of `ioredis` or `iovalkey`, or over their `Cluster`.
 *
 * @throws BudgetError `invalid_config` for what is no such client, such as an address
 * @example new RedisBudgetEnforcer({ redis: ioredisPort(new Redis()) })
 */
export function ioredisPort(client: IoredisLike): RedisPort {
  if (!has(client, 'call')) throw misconfigured('client', 'one of `ioredis`, such as `new Redis(url)`', client)
  return { send: (_key, [name = '', ...args]) => client.call(name, ...args) }
}

/**
 * The port over a connected client of `redis`.
 *
 * @throws BudgetError `invalid_config` for what is no such client, such as an address, or one of `ioredis`
 * @example new RedisBudgetEnforcer({ redis: nodeRedisPort(await createClient().connect()) })
 */
export function nodeRedisPort(client: NodeRedisLike): RedisPort {
  assertNodeRedis(client, 'await createClient({ url }).connect()')
  return { send: (_key, command) => client.sendCommand([...command]) }
}

/**
 * The port over a connected cluster of `redis`.
 *
 * @throws BudgetError `invalid_config` for what is no such cluster, such as an address, or one of `ioredis`
 * @example new RedisBudgetEnforcer({ redis: nodeRedisClusterPort(await createCluster({ rootNodes }).connect()) })
 */
export function nodeRedisClusterPort(cluster: NodeRedisClusterLike): RedisPort {
  assertNodeRedis(cluster, 'await createCluster({ rootNodes }).connect()')
  return { send: (key, command) => cluster.sendCommand(key, false, [...command]) }
}

// A client of `ioredis` has a `sendCommand` too, which takes something else.
function assertNodeRedis(client: unknown, such: string): void {
  if (has(client, 'call') || !has(client, 'sendCommand'))
    throw misconfigured('client', `one of \`redis\`, such as \`${such}\``, client)
}

// Every function has a `call`.
function has(client: unknown, verb: string): boolean {
  return isObject(client) && typeof client[verb] === 'function'
}
