export {
  ioredisPort,
  nodeRedisClusterPort,
  nodeRedisPort,
  type IoredisLike,
  type NodeRedisClusterLike,
  type NodeRedisLike,
  type RedisPort,
} from './redis-port.js'
export { RedisBudgetEnforcer } from './redis-budget-enforcer.js'
export type { RedisLedger } from './redis-ledger.js'
export { RedisTaskStore, type RedisTaskStoreOptions } from './redis-task-store.js'
export type { RedisBudgetEnforcerOptions, RedisPlace } from './options.js'
