import { spawn } from 'node:child_process'
import { expect } from 'vitest'
import { replay } from '../../src/ledger/replay.js'
import type { RecordedStore } from './histories.js'

const GRANTED = 100_000_000

/** Runs a client, kills it while it spends, and answers with the charges that it was told of. */
function killOne(args: readonly string[], afterMs: number): Promise<string[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/support/killed-client.ts', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  return new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      // Not before it spends: a start takes longer than all the rest.
      if (printed === '') setTimeout(() => child.kill('SIGKILL'), afterMs)
      printed += text
    })
    child.once('close', (code) => {
      if (code !== null) reject(new Error(`the client ended by itself: ${code}`))
      // The last line may be half.
      resolve(printed.split('\n').slice(0, -1))
    })
  })
}

/**
 * Kills clients with SIGKILL while they spend, two at a time, again and again. Whatever one was told of must be charged
 * once; what is left open must come back when its time is up; and the ledger must say the same.
 */
export async function expectNothingLost(
  cycles: number,
  args: readonly string[],
  open: (clock: { now(): number }) => Promise<RecordedStore>,
): Promise<void> {
  const told: string[] = []
  const store = await open({ now: () => Date.now() })
  await store.initialize('main', GRANTED)
  for (let n = 0; n < cycles; n++) {
    const both = [killOne(args, 1 + Math.random() * 120), killOne(args, 1 + Math.random() * 120)]
    told.push(...(await Promise.all(both)).flat())
  }
  const later = await open({ now: () => Date.now() + 120_000 })
  const view = await later.describe('main')
  const money = await later.ledger.entries({ kind: 'money' })
  const captured = money.flatMap((entry) => ('op' in entry && entry.op === 'capture' ? [entry.id] : []))
  const charged = new Set(captured)
  expect(captured, 'charged twice').toHaveLength(charged.size)
  expect(told.length).toBeGreaterThan(0)
  expect(
    told.filter((id) => !charged.has(id)),
    'acknowledged and lost',
  ).toEqual([])
  expect(view).toMatchObject({ held: 0, openHolds: 0, spent: 2 * charged.size, available: GRANTED - 2 * charged.size })
  expect(view).toMatchObject(replay(money).get('default/main') ?? {})
}
