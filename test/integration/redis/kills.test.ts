import { afterAll, describe, inject, test } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expectClientKillsSurvived } from '../../support/kills/kill-clients.js'
import { expectServerKillsSurvived } from '../../support/kills/kill-servers.js'
import { booksOf, freshPrefix, newClient, newStore } from './store.js'
import { repairAof, runRedis } from '../../support/servers/redis.js'
import { Tally } from '../../support/kills/books.js'

const LONG = process.env['MCP_BUDGET_LONG'] === '1'
const MINUTES_60 = 3_600_000
/** A server reads the whole file when it starts: after so many kills it begins with an empty one. */
const KILLS_A_FOLDER = 50

const client = newClient()
afterAll(() => client.disconnect())

describe('clients that are killed while they spend', () => {
  test(
    'lose no charge that was acknowledged, charge none twice, and leave nothing held [R1] [R2] [R3] [I13] [L-P3] [seed-001:redis]',
    async () => {
      const prefix = freshPrefix()
      const books = booksOf(newStore(client, { prefix, maxEntries: 1_000_000 }))
      const args = ['redis', inject('redisUrl'), prefix]
      await expectClientKillsSurvived({ what: 'Redis, clients', cycles: LONG ? 350 : 5, args, books })
    },
    LONG ? MINUTES_60 : 90_000,
  )
})

/** A server that runs in a folder of its own, set up as the guide says. */
async function startIn(folder: string, policy: string) {
  const settings = ['--appendonly', 'yes', '--appendfsync', policy, '--aof-load-truncated', 'no']
  let server = await runRedis(settings, folder)
  const { port, url } = server
  return {
    url,
    async kill() {
      const ended = new Promise((resolve) => server.process.once('close', resolve))
      server.process.kill('SIGKILL')
      await ended
    },
    async restart() {
      repairAof(folder)
      server = await runRedis(settings, folder, port)
    },
    stop: () => server.stop(),
  }
}

/** Some kills of one server, which begins with nothing. */
async function killInFolder(policy: string, cycles: number, tally: Tally): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-aof-'))
  const server = await startIn(folder, policy)
  const own = newClient(server.url, { retryStrategy: () => 10 })
  own.on('error', () => {})
  try {
    const store = newStore(own, { maxEntries: 1_000_000 })
    // With everysec a server puts off what it writes while the disk is busy, for two seconds at most.
    const mayLoseMs = policy === 'everysec' ? 2_000 : 0
    await expectServerKillsSurvived({ cycles, server, store, books: booksOf(store), tally, mayLoseMs })
  } finally {
    own.disconnect()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

// Only the long run has the time. Where this machine has no server that can be killed, that is a failure and no skip.
describe.each(LONG ? ['always', 'everysec'] : [])(
  'a server that is killed while 48 calls are made, with appendfsync %s,',
  (policy) => {
    test(
      'charges nothing twice, and loses what was acknowledged only where it need not be written first [R1] [R2] [R3] [I6] [I13]',
      async () => {
        const tally = new Tally()
        try {
          for (let n = 0; n < 350; n += KILLS_A_FOLDER) await killInFolder(policy, KILLS_A_FOLDER, tally)
        } finally {
          console.log(tally.say(`Redis, servers with appendfsync ${policy}`))
        }
      },
      MINUTES_60,
    )
  },
)
