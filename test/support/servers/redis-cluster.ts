import { Redis } from 'ioredis'
import { runRedis, type RunningRedis } from './redis.js'

const SLOTS = 16_384

/** A cluster of the machine's own server: so many primaries, each with a replica. */
export interface TestCluster {
  readonly primaries: readonly RunningRedis[]
  /** Where a client may begin. */
  readonly seeds: readonly { readonly host: string; readonly port: number }[]
  stop(): Promise<void>
}

/** @throws Error where the machine has no server */
export async function startCluster(size = 3): Promise<TestCluster> {
  const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1500', '--appendonly', 'yes']
  const nodes: RunningRedis[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map(async (node) => node.stop()))
  }
  try {
    for (let n = 0; n < 2 * size; n++) nodes.push(await runRedis(settings))
    await join(nodes, size)
  } catch (error) {
    await stop()
    throw error
  }
  const seeds = nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  return { primaries: nodes.slice(0, size), seeds, stop }
}

async function join(nodes: readonly RunningRedis[], size: number): Promise<void> {
  const clients = nodes.map(({ url }) => new Redis(url))
  const [first] = clients
  try {
    for (const [n, client] of clients.slice(0, size).entries()) {
      const [from, till] = [Math.floor((n * SLOTS) / size), Math.floor(((n + 1) * SLOTS) / size) - 1]
      await client.call('CLUSTER', 'ADDSLOTSRANGE', String(from), String(till))
    }
    for (const { port } of nodes) await first?.call('CLUSTER', 'MEET', '127.0.0.1', String(port))
    await until(async () => (await first?.call('CLUSTER', 'INFO'))?.toString().includes(`known_nodes:${nodes.length}`))
    for (const [n, client] of clients.slice(size).entries()) {
      const id = String(await clients[n]?.call('CLUSTER', 'MYID'))
      await until(async () => (await client.call('CLUSTER', 'REPLICATE', id)) === 'OK')
    }
    for (const client of clients) {
      await until(async () => String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok'))
    }
    for (const client of clients.slice(size)) {
      await until(async () => (await client.info('replication')).includes('master_link_status:up'))
    }
  } finally {
    for (const client of clients) client.disconnect()
  }
}

async function until(isSo: () => Promise<boolean | undefined>): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
    if (await isSo().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the cluster did not form within a minute')
}
