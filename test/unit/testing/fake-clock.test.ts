import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FakeClock, settle } from '../../../src/testing/index.js'

describe('FakeClock', () => {
  test('stands still until it is moved', () => {
    const clock = new FakeClock(1_000)
    expect([clock.now(), clock.now()]).toEqual([1_000, 1_000])
    clock.advance(250)
    expect(clock.now()).toBe(1_250)
  })

  test('runs each timer once, at its own moment', () => {
    const clock = new FakeClock(0)
    const ran: number[] = []
    clock.after(30, () => ran.push(clock.now()))
    clock.after(10, () => ran.push(clock.now()))
    clock.advance(29)
    expect(ran).toEqual([10])
    clock.advance(100)
    expect(ran).toEqual([10, 30])
    expect(clock.timers).toBe(0)
  })

  test('runs what a task sets within the time that passes', () => {
    const clock = new FakeClock(0)
    const ran: number[] = []
    const again = (): void => {
      ran.push(clock.now())
      clock.after(10, again)
    }
    clock.after(10, again)
    clock.advance(35)
    expect(ran).toEqual([10, 20, 30])
    expect(clock.timers).toBe(1)
  })

  test('does not run what was cancelled, even by an earlier timer of the same moment', () => {
    const clock = new FakeClock()
    const ran: string[] = []
    clock.after(5, () => cancel())
    const cancel = clock.after(5, () => ran.push('cancelled'))
    clock.after(5, () => ran.push('last'))
    clock.advance(5)
    cancel()
    expect(ran).toEqual(['last'])
  })

  test('runs timers in order of time, and of setting where times are equal', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 40 }), (delays) => {
        const clock = new FakeClock()
        const ran: number[] = []
        delays.forEach((ms, i) => clock.after(ms, () => ran.push(i)))
        clock.advance(20)
        const wanted = delays.map((_, i) => i).sort((a, b) => (delays[a] ?? 0) - (delays[b] ?? 0) || a - b)
        expect(ran).toEqual(wanted)
      }),
    )
  })

  test('lets promises settle between timers', async () => {
    const clock = new FakeClock(0)
    const seen: string[] = []
    const wait = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve))
    const work = async (): Promise<void> => {
      await wait(10)
      seen.push(`first ${clock.now()}`)
      await wait(10)
      seen.push(`second ${clock.now()}`)
    }
    void work()
    await clock.advanceAsync(20)
    expect(seen).toEqual(['first 10', 'second 20'])
  })

  test('jumps without running a timer, as when the machine’s time is set', () => {
    const clock = new FakeClock(1_000)
    let ran = 0
    clock.after(10, () => ran++)
    clock.jump(-500)
    expect([clock.now(), ran]).toEqual([500, 0])
    clock.jump(86_400_000)
    expect(ran).toBe(0)
    clock.advance(10)
    expect(ran).toBe(1)
  })

  test.each([-1, Number.NaN, Infinity, '5' as never])('refuses to advance by %s', (ms) => {
    expect(() => new FakeClock().advance(ms)).toThrow('from 0 up')
  })
})

test('settle waits for chains of promises and for a turn of the event loop', async () => {
  let done = false
  void (async () => {
    for (let i = 0; i < 50; i++) await Promise.resolve()
    await new Promise((resolve) => setImmediate(resolve))
    done = true
  })()
  await settle()
  expect(done).toBe(true)
})
