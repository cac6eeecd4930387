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
 * @example new RedisBudgetEnforcer({ redis: ioredisPort(new Redis()) })
 */
export function ioredisPort(client: IoredisLike): RedisPort {
  return { send: (_key, [name = '', ...args]) => client.call(name, ...args) }
}

/**
 * The port over a connected client of `redis`.
 *
 * @example new RedisBudgetEnforcer({ redis: nodeRedisPort(await createClient().connect()) })
 */
export function nodeRedisPort(client: NodeRedisLike): RedisPort {
  return { send: (_key, command) => client.sendCommand([...command]) }
}

/**
 * The port over a connected cluster of `redis`.
 *
 * @example new RedisBudgetEnforcer({ redis: nodeRedisClusterPort(await createCluster({ rootNodes }).connect()) })
 */
export function nodeRedisClusterPort(cluster: NodeRedisClusterLike): RedisPort {
  return { send: (key, command) => cluster.sendCommand(key, false, [...command]) }
}
