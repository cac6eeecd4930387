import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs'
import {
  InMemoryBudgetEnforcer,
  systemClock,
  type DelegatingEnforcer,
  type InMemoryBudgetEnforcerOptions,
} from 'mcp-budget'

// #region journal
const CHANGES = [
  'initialize',
  'spend',
  'hold',
  'capture',
  'release',
  'extend',
  'grant',
  'transfer',
  'close',
  'revoke',
] as const satisfies ReadonlyArray<keyof DelegatingEnforcer>

type Change = (typeof CHANGES)[number]

/** A request as it stands in the journal. */
interface Entry {
  readonly at: number
  readonly verb: Change
  readonly args: readonly unknown[]
}

/**
 * The memory store, and a journal of every request that may change it, written before the request is answered. A new
 * process reads the journal and is where the old one was, because the same requests at the same times give the same
 * answers. For one process at a time.
 */
export function journalEnforcer(path: string, options: InMemoryBudgetEnforcerOptions = {}): DelegatingEnforcer {
  const { clock = systemClock } = options
  const entries = readJournal(path)
  // While a request runs, the store's time is the one in the journal.
  let time = entries[0]?.at
  const store = new InMemoryBudgetEnforcer({ ...options, clock: { ...clock, now: () => time ?? clock.now() } })
  const run = (verb: Change, args: readonly unknown[]): unknown =>
    (store[verb] as (...args: unknown[]) => unknown).apply(store, [...args])
  for (const { at, verb, args } of entries) {
    time = at
    run(verb, args)
  }
  time = undefined

  let broken: Error | undefined
  const write = (verb: Change, args: readonly unknown[]): unknown => {
    if (broken !== undefined) throw broken
    time = clock.now()
    const entry: Entry = { at: time, verb, args }
    try {
      // What throws here has changed nothing, and is not written.
      const answer = run(verb, args)
      append(entry)
      return answer
    } finally {
      time = undefined
    }
  }
  const append = (entry: Entry): void => {
    try {
      appendFileSync(path, `${JSON.stringify(entry)}\n`, { flush: true })
    } catch (error) {
      // The store is ahead of the journal: it must answer nothing more.
      broken = new Error(`The journal ${path} cannot be written`, { cause: error })
      throw broken
    }
  }
  const changes = CHANGES.map((verb) => [verb, (...args: readonly unknown[]) => write(verb, args)] as const)
  return {
    check: (budget, cost) => store.check(budget, cost),
    remaining: (budget) => store.remaining(budget),
    describe: (budget, authority) => store.describe(budget, authority),
    ...(Object.fromEntries(changes) as unknown as Pick<DelegatingEnforcer, Change>),
  }
}
// #endregion journal

// A line that a crash cut off was never answered: it goes.
function readJournal(path: string): readonly Entry[] {
  if (!existsSync(path)) return []
  const text = readFileSync(path, 'utf8')
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole))
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry)
}
