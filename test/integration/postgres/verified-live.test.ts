import { afterAll, expect, inject, test } from 'vitest'
import { callRecord } from '../../support/array-ledger.js'
import { generateKeys, LedgerSealer, publicKey, signingKey, verifyLedger, type Checkpoint } from 'mcp-budget/audit'
import { mintChargeId } from '../../../src/core/ids.js'
import { newSchema, poolOf } from '../../support/servers/postgres-store.js'
import { PostgresBudgetEnforcer } from '../../../src/backends/postgres/index.js'

const pool = poolOf(inject('postgresUrl'), 8)
afterAll(() => pool.end())

const LONG = process.env['MCP_BUDGET_LONG'] === '1'
const VERIFICATIONS = LONG ? 100 : 10
// Fewer than the pool has connections, or a verification waits for one most of the time.
const CLIENTS = LONG ? 16 : 6
const pair = generateKeys()
const key = signingKey(pair.privatePem)

/** One of each thing that moves money, on two budgets that all share. */
async function goRound(store: PostgresBudgetEnforcer, client: number, round: number): Promise<void> {
  const id = mintChargeId(Date.now())
  const lines = ['live/a', `live/${round % 2 === 0 ? 'b' : 'c'}`].map((budget) => ({ budget, amount: 3 }))
  await store.hold({ id, lines, ttlMs: 60_000, onExpire: 'release', meta: { tool: 'search' } })
  if (round % 5 !== 0) await store.capture({ id: `${id} end`, holdId: id, amount: 2, overage: 'cap' })
  else if (round % 2 === 0) await store.release({ id: `${id} end`, holdId: id })
  await store.ledger.append([callRecord({ chargeId: id, at: Date.now(), budgets: lines.map(({ budget }) => budget) })])
  const leaseId = mintChargeId(Date.now())
  const terms = { instance: `i${client}`, least: 1, most: 10, ttlMs: round % 3 === 0 ? 1 : 60_000 }
  const lease = await store.lease({ id: leaseId, budget: 'live/b', ...terms })
  if (lease.kind === 'leased' && round % 3 === 1) await store.settle({ id: `${leaseId} end`, leaseId, used: 1 })
  if (lease.kind === 'leased' && round % 6 === 0) {
    await new Promise((resolve) => setTimeout(resolve, 2))
    await store.reconcile({ id: `${leaseId} back`, leaseId, used: 0 })
  }
  const to = `live/child-${client}-${round}`
  const create = { registration: `${client}-${round}`.padEnd(43, 'r') }
  await store.transfer({ id: to, from: 'live/a', to, amount: 2, create })
  if (round % 2 === 0) await store.close({ id: `${to} end`, budget: to, why: 'closed' })
}

test(
  `an honest ledger is never told to be wrong, while ${CLIENTS} clients spend and a sealer seals [T40, I13]`,
  async () => {
    const schema = newSchema()
    const stores = await Promise.all(
      Array.from({ length: CLIENTS }, () => PostgresBudgetEnforcer.open({ pool, schema })),
    )
    const store = await PostgresBudgetEnforcer.open({ pool, schema })
    for (const name of ['a', 'b', 'c']) await store.initialize(`live/${name}`, 10_000_000)
    const checkpoints: Checkpoint[] = []
    const { ledger, seals } = store
    const sinks = [(checkpoint: Checkpoint): void => void checkpoints.push(checkpoint)]
    const sealer = new LedgerSealer({ ledger, seals, everyMs: 20, checkpoints: { store: 's', key, sinks, every: 50 } })
    sealer.start()
    let isOver = false
    let rounds = 0
    const spending = stores.map(async (each, client) => {
      for (let round = 0; !isOver; round++, rounds++) await goRound(each, client, round)
    })
    const keys = [publicKey(pair.publicPem)]
    try {
      for (let n = 0; n < VERIFICATIONS; n++) {
        const before = rounds
        // Not all that was sealed may be known yet to somebody who was handed the checkpoints before.
        const known = [...checkpoints]
        const found = await verifyLedger({ ledger, seals, checkpoints: known, keys, balances: store })
        expect(found).toMatchObject({ kind: 'ok', balances: true, books: true })
        await expect.poll(() => rounds - before, { interval: 5 }).toBeGreaterThan(LONG ? CLIENTS : 4)
      }
    } finally {
      isOver = true
      await Promise.all(spending)
      await sealer.stop()
    }
    expect(await verifyLedger({ ledger, seals, checkpoints, keys, balances: store })).toMatchObject({ kind: 'ok' })
    console.log(`verified ${VERIFICATIONS} times while ${rounds} rounds were made`)
  },
  LONG ? 600_000 : 60_000,
)
