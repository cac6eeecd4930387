import { expect } from 'vitest'
import { audit, NO_WRONGS, type Asked, type Books, type Tally } from './books.js'
import { Random } from '../../../src/testing/random.js'
import { ABANDONED_MS, CALL, spend, type SpentFrom } from './spend.js'
import { until } from './until.js'

/** How much later than promised a busy machine does what it does every tenth of a second. */
const LATE_MS = 500
const IN_FLIGHT = 48
/** How many of the newest budgets are looked at again after each kill. */
const AGAIN = 4

/** A server that can be killed and started on what it has written. */
export interface KilledServer {
  /** Ends all of its processes at once. */
  kill(): Promise<void>
  /** Starts it where it was. */
  restart(): Promise<void>
}

/** How to kill a server. */
export interface KillServersOptions {
  readonly cycles: number
  readonly server: KilledServer
  /** Through it is spent. */
  readonly store: SpentFrom
  readonly books: Books
  readonly tally: Tally
  /** Of how many milliseconds before a kill the server may lose what it acknowledged; none by default. */
  readonly mayLoseMs?: number
}

/** A charge that somebody was told of. */
interface Told {
  readonly id: string
  readonly budget: string
  readonly at: number
  isGone?: true
}

/**
 * Kills a server while 48 calls are being made, again and again, each time on a budget of its own, and starts it on what
 * it has written; then the same requests go on, with the same ids. After each kill what was told is charged, once, and
 * the ledger alone says what the balances are. When the deadlines are over nothing is held.
 *
 * What a server may lose is the end of what it acknowledged, and no more: nothing older than it says, and nothing that
 * was told before something that is there.
 */
export async function expectServerKillsSurvived(options: KillServersOptions): Promise<void> {
  const { cycles, server, store, books, tally, mayLoseMs = 0 } = options
  // The hold of a charge that is lost is open again, and must end while one waits.
  const ttlMs = mayLoseMs > 0 ? 6_000 : 60_000
  const budgets = Array.from({ length: cycles }, (_, cycle) => ({
    budget: `c${cycle}/main`,
    // Some budgets do not last.
    granted: new Random(cycle).chance(0.3) ? 60 : 100_000,
  }))
  for (const { budget, granted } of budgets) await books.initialize(budget, granted)
  // What is made before the first kill must last.
  if (mayLoseMs > 0) await new Promise((resolve) => setTimeout(resolve, mayLoseMs + LATE_MS))
  const told: Told[] = []
  const askedOf = (n: number, isDue: boolean): Asked => {
    const { budget, granted } = budgets[n] as (typeof budgets)[number]
    return {
      budget,
      granted,
      isDue,
      told: told.flatMap((each) => (each.budget === budget && !each.isGone ? [each.id] : [])),
    }
  }
  const expectRight = async (n: number, isDue: boolean): Promise<number> => {
    const { wrongs, charges } = await audit(books, askedOf(n, isDue))
    tally.find(wrongs)
    // The hold of a call under way may be lost, and others take its credits: it is charged all the same.
    const most = mayLoseMs > 0 ? IN_FLIGHT * CALL.charged : 0
    const overspent = wrongs.overspent <= most ? 0 : wrongs.overspent
    expect({ ...wrongs, overspent }, budgets[n]?.budget).toEqual(NO_WRONGS)
    return charges.size
  }
  for (let cycle = 0; cycle < cycles; cycle++) {
    const { budget } = budgets[cycle] as (typeof budgets)[number]
    const first = told.length
    const spending = spend(store, {
      budget,
      inFlight: IN_FLIGHT,
      ttlMs,
      abandonEvery: 13,
      told: (id) => told.push({ id, budget, at: Date.now() }),
    })
    const killed = async (): Promise<{ at: number; before: number }> => {
      await until('a charge is acknowledged', () => told.length > first)
      await new Promise((resolve) => setTimeout(resolve, new Random(cycle).int(60)))
      await server.kill()
      const seen = { at: Date.now(), before: told.length }
      await server.restart()
      return seen
    }
    // Who fails does not wait for calls that nobody will answer.
    const { at, before } = await killed().catch((error: unknown) => {
      void spending.stop().catch(() => {})
      throw error
    })
    await spending.stop()
    const recent = Array.from({ length: Math.min(AGAIN, cycle + 1) }, (_, back) => cycle - back)
    if (mayLoseMs > 0) tally.allow(await forgive(books, told.slice(0, before), at - mayLoseMs - LATE_MS))
    let charges = 0
    for (const n of recent) {
      const found = await expectRight(n, false)
      if (n === cycle) charges = found
    }
    tally.add(told.length - first, charges)
  }
  await new Promise((resolve) => setTimeout(resolve, (mayLoseMs > 0 ? ttlMs : ABANDONED_MS) + 100))
  for (let n = 0; n < cycles; n++) await expectRight(n, true)
}

/** Marks what a server may have lost: from its newest acknowledgement back to the first charge that is there. */
async function forgive(books: Books, told: readonly Told[], since: number): Promise<number> {
  const seen = new Map<string, ReadonlySet<string>>()
  let gone = 0
  for (const each of told.toReversed()) {
    if (each.at < since) break
    if (each.isGone) continue
    const there =
      seen.get(each.budget) ?? new Set((await books.entriesOf(each.budget)).map(({ id, op }) => `${op} ${id}`))
    seen.set(each.budget, there)
    if (there.has(`capture ${each.id}`) || there.has(`late ${each.id}`)) break
    each.isGone = true
    gone++
  }
  return gone
}
