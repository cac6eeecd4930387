import { InMemoryBudgetEnforcer } from 'mcp-budget'
import {
  generateKeys,
  LedgerSealer,
  MemorySeals,
  publicKey,
  signingKey,
  verifyLedger,
  type Checkpoint,
  type LedgerSealerOptions,
  type VerifyOptions,
} from 'mcp-budget/audit'
import { FakeClock } from 'mcp-budget/testing'
import { ArrayLedger, callRecord } from './array-ledger.js'

const pair = generateKeys()
export const keys = [publicKey(pair.publicPem)]
export const key = signingKey(pair.privatePem)

/** A store and a ledger in memory, with one budget of 1,000 and all that seals it. */
export function audited(options: Partial<LedgerSealerOptions> = {}) {
  const clock = new FakeClock()
  const ledger = new ArrayLedger()
  const seals = new MemorySeals()
  const store = new InMemoryBudgetEnforcer({ clock, ledger })
  store.initialize('a', 1_000)
  const written: Checkpoint[] = []
  const sinks = [(checkpoint: Checkpoint): void => void written.push(checkpoint)]
  const make = (more: Partial<LedgerSealerOptions> = {}): LedgerSealer =>
    new LedgerSealer({ ledger, seals, clock, checkpoints: { store: 's', key, sinks }, ...options, ...more })
  let count = 0
  /** Calls of 5: a hold, a capture and a record each. */
  const spend = (calls: number): void => {
    for (let i = 0; i < calls; i++) {
      const id = `c${count++}`
      store.hold({ id, lines: [{ budget: 'a', amount: 5 }], ttlMs: 60_000, onExpire: 'capture' })
      store.capture({ id: `${id}:end`, holdId: id, amount: 5, overage: 'cap' })
      ledger.append([callRecord({ chargeId: id, at: clock.now() })])
    }
  }
  const check = (more: Partial<VerifyOptions> = {}) =>
    verifyLedger({ ledger, seals, checkpoints: written, keys, balances: store, ...more })
  return { clock, ledger, seals, store, written, make, spend, check }
}
