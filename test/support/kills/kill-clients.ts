import { expect } from 'vitest'
import { audit, NO_WRONGS, Tally, type Asked, type Books } from './books.js'
import { buildClientProgram, type KilledClient } from './client-program.js'
import { Random } from '../../../src/testing/random.js'
import { until } from './until.js'

/** The clients' holds last 2 s; a little more, for clocks that are read twice. */
const DUE_MS = 2_200

/** How to kill clients. */
export interface KillClientsOptions {
  readonly what: string
  readonly cycles: number
  /** What the program of the clients is started with. */
  readonly args: readonly string[]
  readonly books: Books
}

/**
 * Kills clients with SIGKILL while they spend, two at a time, again and again, each pair on a budget of its own. After
 * each kill what one was told of is charged, once, and the ledger alone says what the balance is. When the deadlines are
 * over nothing is held. At the end all of it is so still.
 */
export async function expectClientKillsSurvived({ what, cycles, args, books }: KillClientsOptions): Promise<void> {
  const program = await buildClientProgram()
  const pair = (): KilledClient[] => [program.start(args), program.start(args)]
  const tally = new Tally()
  const all: Asked[] = []
  const waiting: Array<{ readonly asked: Asked; readonly at: number }> = []
  let inCommit = 0
  const expectRight = async (asked: Asked) => {
    const { wrongs, charges } = await audit(books, asked)
    tally.find(wrongs)
    expect(wrongs, asked.budget).toEqual(NO_WRONGS)
    return charges
  }
  // The next pair starts while this one spends.
  let next = pair()
  try {
    for (let cycle = 0; cycle < cycles; cycle++) {
      const random = new Random(cycle)
      const clients = next
      next = pair()
      const budget = `c${cycle}/main`
      // Some budgets do not last.
      const granted = random.chance(0.3) ? 100 : 100_000
      await books.initialize(budget, granted)
      for (const client of clients) client.begin(budget)
      await until('a client is told of a charge', () => clients.some((client) => client.told().length > 0))
      await new Promise((resolve) => setTimeout(resolve, random.int(80)))
      const killed = await Promise.all(clients.map((client) => client.kill()))
      inCommit += killed.filter((each) => each.inCommit).length
      const asked = { budget, granted, told: clients.flatMap((client) => client.told()), isDue: false }
      tally.add(asked.told.length, (await expectRight(asked)).size)
      all.push({ ...asked, isDue: true })
      waiting.push({ asked: { ...asked, isDue: true }, at: Date.now() + DUE_MS })
      while (waiting[0] !== undefined && waiting[0].at < Date.now())
        await expectRight((waiting.shift() as { asked: Asked }).asked)
    }
    await new Promise((resolve) => setTimeout(resolve, DUE_MS))
    for (const asked of all) await expectRight(asked)
  } finally {
    await Promise.allSettled(next.map((client) => client.kill()))
    program.remove()
    const commits = inCommit > 0 ? `; ${inCommit} clients died inside a commit` : ''
    console.log(tally.say(what) + commits)
  }
}
