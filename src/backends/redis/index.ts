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
export type { RedisBudgetEnforcerOptions } from './options.js'
