import { POSTGRES_ORDER, startPostgres } from './postgres.js'
import { REDIS_ORDER, startRedis } from './redis.js'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    readonly redisUrl: string
    readonly postgresUrl: string
  }
}

/** Starts the servers that integration tests need, hands out their addresses, and ends them afterwards. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [redis, postgres] = await Promise.allSettled([startRedis(), startPostgres()])
  const stop = async (): Promise<void> => {
    for (const server of [redis, postgres]) if (server.status === 'fulfilled') await server.value.stop()
  }
  if (redis.status === 'rejected' || postgres.status === 'rejected') {
    // What did start would keep the runner alive.
    await stop()
    throw new Error(
      [lacks('Redis', REDIS_ORDER, redis), lacks('PostgreSQL', POSTGRES_ORDER, postgres)].filter(Boolean).join('\n'),
    )
  }
  console.log(`Redis: ${redis.value.from} (of ${REDIS_ORDER})`)
  console.log(`PostgreSQL: ${postgres.value.from} (of ${POSTGRES_ORDER})`)
  project.provide('redisUrl', redis.value.url)
  project.provide('postgresUrl', postgres.value.url)
  return stop
}

function lacks(name: string, order: string, started: PromiseSettledResult<unknown>): string {
  if (started.status === 'fulfilled') return ''
  return `No ${name} for the integration tests. Tried in order: ${order}. ${String(started.reason)}`
}
