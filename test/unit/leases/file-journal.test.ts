import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InMemoryBudgetEnforcer } from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { LeasedEnforcer } from 'mcp-budget/leases'
import { mintChargeId } from '../../../src/core/ids.js'
import { openJournal, readClaims } from '../../../src/leases/file-journal.js'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-budget-leases-'))
  path = join(folder, 'leases.journal')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** What a process leaves behind that was killed: the file as it is, and a lock of nobody who lives. */
function leaveBehind(): string {
  const left = `${path}.left`
  writeFileSync(left, readFileSync(path))
  writeFileSync(`${left}.lock`, '999999999')
  return left
}

describe('the journal of leases', () => {
  test('remembers the most that was claimed of each lease, until it is forgotten [I9]', async () => {
    const journal = await openJournal(path)
    await journal.claim('a', 10)
    await journal.claim('a', 20)
    await journal.claim('b', 5)
    journal.forget('b')
    await journal.close()
    const next = await openJournal(path)
    expect([...next.before]).toEqual([['a', 20]])
    await next.close()
  })

  test('never notes more than half a lease that is not used [L-P23]', async () => {
    const clock = new FakeClock()
    const store = new InMemoryBudgetEnforcer({ clock })
    store.initialize('default/main', 1_000_000)
    let [size, used] = [0, 0]
    const beyond: number[] = []
    const journal = {
      before: new Map<string, number>(),
      claim(leaseId: string, upTo: number) {
        const { leased = 0 } = store.describe('default/main')
        size = Math.max(size, leased)
        // The first lease only, so that what is used is of it.
        first ??= leaseId
        if (leaseId === first) beyond.push(upTo - used)
      },
      forget() {},
      close() {},
    }
    let first: string | undefined
    const enforcer = await LeasedEnforcer.open({ store, clock, journal, most: 100 })
    for (let n = 0; n < 90; n++) {
      const id = mintChargeId(clock.now())
      const lines = [{ budget: 'default/main', amount: 1 }]
      await enforcer.hold({ id, lines, ttlMs: 60_000, onExpire: 'capture' })
      await enforcer.capture({ id, holdId: id, amount: 1, overage: 'cap' })
      // The first call was the store's.
      used = n
    }
    expect(size).toBeGreaterThanOrEqual(100)
    expect(beyond.length).toBeGreaterThan(2)
    expect(Math.max(...beyond)).toBeLessThanOrEqual(51)
    await enforcer.shutdown()
  })

  test('passes over a line that a crash has cut off', async () => {
    writeFileSync(path, '["a",20]\n["b",7]\n["a",3')
    const journal = await openJournal(path)
    expect([...journal.before]).toEqual([
      ['a', 20],
      ['b', 7],
    ])
    await journal.close()
  })

  test('that cannot be written for want of space says so, keeps what stood there, and is free for who tries again [I9]', async () => {
    const before = await openJournal(path)
    await before.claim('a', 10)
    await before.close()
    // Linux says of each write to it that there is no space.
    symlinkSync('/dev/full', `${path}.new`)
    await expect(openJournal(path)).rejects.toMatchObject({ code: 'ENOSPC' })
    expect([...(await readClaims(path))]).toEqual([['a', 10]])
    rmSync(`${path}.new`)
    const next = await openJournal(path)
    expect([...next.before]).toEqual([['a', 10]])
    await next.close()
  })

  test('stays small, however long it is written [L-P23]', async () => {
    const journal = await openJournal(path)
    for (let n = 0; n < 6_000; n++) {
      void journal.claim(`lease-${n}`, n)
      journal.forget(`lease-${n}`)
    }
    await journal.close()
    expect(readFileSync(path, 'utf8').length).toBeLessThan(100_000)
  }, 60_000)

  test('is of one process at a time', async () => {
    const journal = await openJournal(path)
    await expect(openJournal(path)).rejects.toMatchObject({ code: 'invalid_config' })
    await journal.close()
    await (await openJournal(path)).close()
  })

  test('that could not be opened is free for who tries again', async () => {
    mkdirSync(path)
    await expect(openJournal(path)).rejects.toMatchObject({ code: 'EISDIR' })
    rmSync(path, { recursive: true })
    await (await openJournal(path)).close()
  })

  test('gives back after a crash what cannot have been used, when the lease is over and not before [I8]', async () => {
    const clock = new FakeClock()
    const store = new InMemoryBudgetEnforcer({ clock })
    store.initialize('main', 10_000)
    let isDead = false
    const mortal = new Proxy(store, {
      get: (target, verb: keyof InMemoryBudgetEnforcer) => {
        const ask = (target[verb] as (...args: unknown[]) => unknown).bind(target)
        return (...args: unknown[]) => {
          if (isDead) throw new Error('dead')
          return ask(...args)
        }
      },
    })
    const first = await LeasedEnforcer.open({ store: mortal, clock, journal: path })
    const pay = () => {
      const id = mintChargeId(clock.now())
      return first.hold({ id, lines: [{ budget: 'main', amount: 10 }], ttlMs: 60_000, onExpire: 'capture' })
    }
    await pay()
    const leased = () => store.describe('main')
    await expect.poll(() => readFileSync(path, 'utf8')).toContain(',500]')
    await new Promise((resolve) => setTimeout(resolve, 50))
    for (let n = 0; n < 10; n++) pay()
    expect(leased()).toMatchObject({ leased: 1_000, held: 1_010 })
    isDead = true
    const second = await LeasedEnforcer.open({ store, clock, journal: leaveBehind() })
    await clock.advanceAsync(29_999)
    expect(store.describe('main')).toMatchObject({ leased: 1_000 })
    await clock.advanceAsync(10_000)
    // 110 were used, of 500 that may have been; the first call was held by the store itself.
    expect(store.describe('main')).toMatchObject({ spent: 500, held: 10, available: 9_490 })
    await second.shutdown()
    await first.shutdown()
  })
})
