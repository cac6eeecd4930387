import { assertKeys, integer, misconfigured, optionalText } from '../core/settings.js'
import { BudgetEvents } from '../core/events.js'
import { isObject } from '../core/json.js'
import { systemClock, type Clock } from '../core/clock.js'
import type { Checkpoint, CheckpointSink } from './checkpoint.js'
import type { MaybePromise } from '../core/maybe-promise.js'
import type { NumberedLedger } from '../ledger/ledger.js'
import type { SealStore } from '../ledger/seal.js'
import type { SigningKey } from './keys.js'

/** Settings of {@link LedgerSealer}. */
export interface LedgerSealerOptions {
  /** What is sealed: `enforcer.ledger` of a store with a database. */
  readonly ledger: NumberedLedger
  /** Where seals go: `enforcer.seals` of the same store. */
  readonly seals: SealStore
  /** Signed heads of the chains, for a place outside of the store. Without them a ledger that is written anew is not found out. */
  readonly checkpoints?: CheckpointOptions
  /** How often it looks for what is new, once it was started; 1,000 by default. */
  readonly everyMs?: number
  /** So many records have one seal at most; 200 by default. */
  readonly batch?: number
  /** Hears `fault`: a chain that cannot be sealed, a sink that fails. */
  readonly events?: BudgetEvents
  readonly clock?: Clock
}

/** When checkpoints are made, by which key, and where they go. */
export interface CheckpointOptions {
  /** What this store is called in its checkpoints, so that those of another are not taken for its own. */
  readonly store: string
  readonly key: SigningKey
  /** One or more. Each has its own row of checkpoints; one that fails stops no other. */
  readonly sinks: readonly (CheckpointSink | ((checkpoint: Checkpoint) => MaybePromise<void>))[]
  /** After so many records of a chain; 1,000 by default. */
  readonly every?: number
  /** And when the last is so old, and there is something new; 60,000 by default. */
  readonly everyMs?: number
  /** How long a sink may take; 10,000 by default. */
  readonly timeoutMs?: number
}

/** The same, checked, with its defaults. */
export interface SealerSettings {
  readonly ledger: NumberedLedger
  readonly seals: SealStore
  readonly everyMs: number
  readonly batch: number
  readonly events: BudgetEvents
  readonly clock: Clock
  readonly checkpoints: CheckpointSettings | undefined
}

/** The same of checkpoints. */
export interface CheckpointSettings extends Required<Omit<CheckpointOptions, 'sinks'>> {
  readonly sinks: readonly CheckpointSink[]
}

const KEYS = ['ledger', 'seals', 'checkpoints', 'everyMs', 'batch', 'events', 'clock']
const CHECKPOINT_KEYS = ['store', 'key', 'sinks', 'every', 'everyMs', 'timeoutMs']
const DAY = 86_400_000

/** Checks settings. @throws BudgetError `invalid_config` */
export function sealerSettings(options: LedgerSealerOptions): SealerSettings {
  assertKeys(options, KEYS, 'options')
  const { ledger, seals, checkpoints, events = new BudgetEvents(), clock = systemClock } = options
  if (!has(ledger, 'numbered', 'partitions')) throw misconfigured('ledger', 'a ledger with numbers', ledger)
  if (!has(seals, 'add', 'read', 'heads')) throw misconfigured('seals', 'a store of seals', seals)
  return {
    ledger,
    seals,
    everyMs: integer(options.everyMs, { least: 1, most: DAY, otherwise: 1_000 }, 'everyMs'),
    batch: integer(options.batch, { least: 1, most: 1_000, otherwise: 200 }, 'batch'),
    events,
    clock,
    checkpoints: checkpoints && checkpointSettings(checkpoints),
  }
}

function checkpointSettings(options: CheckpointOptions): CheckpointSettings {
  assertKeys(options, CHECKPOINT_KEYS, 'checkpoints')
  const { key, sinks } = options
  const store = optionalText(options.store, 'checkpoints.store')
  if (store === undefined) throw misconfigured('checkpoints.store', 'a text', store)
  if (!has(key, 'sign')) throw misconfigured('checkpoints.key', 'a key: signingKey(pem)', key)
  if (!Array.isArray(sinks) || sinks.length === 0) throw misconfigured('checkpoints.sinks', 'one sink or more', sinks)
  return {
    store,
    key,
    sinks: sinks.map(sinkOf),
    every: integer(options.every, { least: 1, most: 1_000_000, otherwise: 1_000 }, 'checkpoints.every'),
    everyMs: integer(options.everyMs, { least: 1, most: DAY, otherwise: 60_000 }, 'checkpoints.everyMs'),
    timeoutMs: integer(options.timeoutMs, { least: 1, most: 600_000, otherwise: 10_000 }, 'checkpoints.timeoutMs'),
  }
}

function sinkOf(sink: CheckpointOptions['sinks'][number]): CheckpointSink {
  if (typeof sink === 'function') return { write: sink }
  if (has(sink, 'write')) return sink
  throw misconfigured('checkpoints.sinks', 'functions, or objects with `write`', sink)
}

function has(value: unknown, ...verbs: readonly string[]): boolean {
  return isObject(value) && verbs.every((verb) => typeof value[verb] === 'function')
}
