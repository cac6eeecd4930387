import { channel } from 'node:diagnostics_channel'
import { afterAll, beforeAll, expect } from 'vitest'
import type { BudgetEventName } from 'mcp-budget'

/**
 * The files of the project `unit` share a process, which saves each up to 0.4 s to load what it tests. So each leaves the process as it found it; else the files that come after it would pass or fail by luck.
 */
const CHANNELS = {
  held: 0,
  charged: 0,
  refused: 0,
  unpriced: 0,
  tool_changed: 0,
  simulated: 0,
  overdrawn: 0,
  delegated: 0,
  closed: 0,
  revoked: 0,
  outage: 0,
  recovered: 0,
  delayed: 0,
  fault: 0,
  leased: 0,
  recalled: 0,
  forfeited: 0,
  reconciled: 0,
  covered: 0,
} satisfies Record<BudgetEventName, number>

const PROTOTYPES = { Map: Map.prototype, Set: Set.prototype, String: String.prototype, Array: Array.prototype }

function state(): Record<string, unknown> {
  return {
    env: { ...process.env },
    folder: process.cwd(),
    listeners: ['unhandledRejection', 'uncaughtException', 'warning'].map((name) => process.listenerCount(name)),
    subscribed: Object.keys(CHANNELS).filter((name) => channel(`mcp-budget:${name}`).hasSubscribers),
  }
}

/** What tests fake; compared by identity. */
function functions(): Map<string, unknown> {
  const { setTimeout, clearTimeout, setInterval, setImmediate, queueMicrotask, fetch, Date } = globalThis
  const found = new Map<string, unknown>(
    Object.entries({ setTimeout, clearTimeout, setInterval, setImmediate, queueMicrotask, fetch, Date }),
  )
  found.set('Date.now', Date.now)
  found.set('Intl.DateTimeFormat', Intl.DateTimeFormat)
  found.set('performance.now', performance.now)
  found.set('process.getBuiltinModule', process.getBuiltinModule)
  for (const name of ['digest', 'sign', 'importKey'] as const) found.set(name, globalThis.crypto.subtle[name])
  for (const [owner, prototype] of Object.entries(PROTOTYPES))
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype)))
      found.set(`${owner}.${name}`, value)
  return found
}

let before: readonly [Record<string, unknown>, Map<string, unknown>]
beforeAll(() => {
  before = [state(), functions()]
})
afterAll(() => {
  const [was, had] = before
  expect(state(), 'what a file of tests leaves behind').toEqual(was)
  const faked = [...functions()].filter(([name, value]) => had.get(name) !== value).map(([name]) => name)
  expect(faked, 'what a file of tests leaves faked').toEqual([])
})
