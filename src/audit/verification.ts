import type { BudgetId } from '../budget/budget-id.js'
import type { ChainKind } from '../ledger/seal.js'

/** A chain, as results name it: `record` is what it is made of. */
export interface ChainPlace {
  readonly partition: string
  readonly record: ChainKind
}

/**
 * Why a chain is broken at a record:
 *
 * - `changed`: it, or its seal, is not what was sealed. Where two were swapped, or one was put in between, this is the first
 * - `missing`: it is not there, and a later one is
 * - `order`: its number, or its partition, is not the one that comes here
 * - `unsealed`: its seal is not there, and a later one is
 * - `rewritten`: what a checkpoint says of it is another; the change is after the record `after`
 * - `uncounted`: it is there, and the store counts fewer
 * - `stray`: a query by a budget finds the call, and its record does not name that budget, or is not there
 */
export type BreakReason = 'changed' | 'missing' | 'order' | 'unsealed' | 'rewritten' | 'uncounted' | 'stray'

/** A chain that is not what was sealed, from a record on. */
export interface Broken extends ChainPlace {
  readonly kind: 'broken'
  readonly seq: number
  readonly why: BreakReason
  /** The last record before it that is proved to be what it was. */
  readonly after: number
}

/** A chain that ends too early: `last` is its last record, and `expected` one that was there. */
export interface Truncated extends ChainPlace {
  readonly kind: 'truncated'
  readonly last: number
  readonly expected: number
  /** What says so: `store` is its own count of records. */
  readonly by: 'seal' | 'checkpoint' | 'store'
}

/**
 * What is wrong with the money of a budget:
 *
 * - `equation`: an entry whose `in + debt` is not `available + held + spent + out + burned`
 * - `range`: after an entry a column is negative, or beyond 2^53−1
 * - `transfer`: what went out at one side of a transfer did not come in at the other
 * - `hold`: a hold was ended that was not open, or with another amount than it put aside; or the store has it otherwise
 *   than the entries do
 * - `window`: a window began with another amount than the budget was initialised with
 * - `balance`: the store says something else of the budget than the entries do; `column` is what
 * - `unknown`: the store has a budget of which there is no entry
 */
export type MoneyFault = 'equation' | 'range' | 'transfer' | 'hold' | 'window' | 'balance' | 'unknown'

/** Money that does not add up; `seq` is the entry, or the last one where the whole is wrong. */
export interface Unbalanced extends ChainPlace {
  readonly kind: 'equation'
  readonly seq: number
  readonly budget: BudgetId
  readonly why: MoneyFault
  /** Which column, where it is one. */
  readonly column?: string
  /** Which hold, where it is one. */
  readonly hold?: string
  readonly expected: number | string
  readonly got: number | string
}

/**
 * What is wrong with a checkpoint:
 *
 * - `format`: it has other fields than a checkpoint has
 * - `unknown_key`: signed by a key that was not given
 * - `signature`: not what the key signed
 * - `store`: of another store
 * - `previous`: one that it follows is not there, or comes later
 * - `order`: it covers no more than the one that it follows
 */
export type CheckpointFault = 'format' | 'unknown_key' | 'signature' | 'store' | 'previous' | 'order'

/** A checkpoint that cannot be believed, or stands in a list that has gaps. `line` counts from 1. */
export interface BadCheckpoint {
  readonly kind: 'checkpoint'
  readonly line: number
  readonly why: CheckpointFault
  readonly partition?: string
  readonly record?: ChainKind
  readonly seq?: number
}

/**
 * A chain that is whole.
 *
 * @property last the number of its last record
 * @property sealed up to which record it is sealed: what comes after may have been changed, and nobody can tell
 * @property checkpoint the last record that a checkpoint covers: what is sealed after it may have been written anew
 */
export interface WholeChain extends ChainPlace {
  readonly last: number
  readonly sealed: number
  readonly checkpoint: number
}

/** Nothing was found. What was not looked at, is said too. */
export interface Verified {
  readonly kind: 'ok'
  readonly chains: readonly WholeChain[]
  readonly records: number
  /** Records that no seal covers yet. */
  readonly unsealed: number
  readonly checkpoints: number
  /** Lines among the checkpoints that are no JSON: a process was killed while it wrote one, or somebody damaged one. */
  readonly unreadable: number
  /** How often a sealer began a new row of checkpoints, for its sink did not know the last. */
  readonly restarts: number
  /** Whether the balances of the store were compared. */
  readonly balances: boolean
  /** Whether all of its budgets, open holds and leases were compared too: stores with a database have `books`. */
  readonly books: boolean
}

/** What `verifyLedger` found first. */
export type Verification = Verified | Broken | Truncated | Unbalanced | BadCheckpoint

/** What is wrong. */
export type VerificationFault = Exclude<Verification, Verified>
