import { compose, withBudget, withCostProfile, withLedger } from 'mcp-budget'
import { fileSink, generateKeys, LedgerSealer, signingKey } from 'mcp-budget/audit'
import { mintChargeId } from '../../src/core/ids.js'
import { writeFileSync } from 'node:fs'
import { SqliteBudgetEnforcer } from 'mcp-budget/sqlite'

/**
 * Calls of an agent on `agent-1` of a store in a file: two searches and a drawing, at `search` 5 and `draw` 25. What
 * they left in the ledger is sealed, with checkpoints in `checkpoints.jsonl` and the public key in `sealer.pub.pem`.
 */
export async function agentAtWork(folder: string, file = 'budgets.db'): Promise<void> {
  const enforcer = await SqliteBudgetEnforcer.open({ database: `${folder}/${file}` })
  const prices = withCostProfile({ costs: { search: 5, draw: 25 } })
  const budget = withBudget({ enforcer, budget: 'agent-1', awaitCapture: true })
  const meter = compose(withLedger({ ledger: enforcer.ledger }), prices, budget)
  for (const tool of ['search', 'draw', 'search']) await meter.run({ tool }, () => ({ content: [] }))
  const { privatePem, publicPem } = generateKeys()
  writeFileSync(`${folder}/sealer.pub.pem`, publicPem)
  const { ledger, seals } = enforcer
  const checkpoints = {
    key: signingKey(privatePem),
    store: 'budgets',
    sinks: [fileSink(`${folder}/checkpoints.jsonl`)],
  }
  const sealer = new LedgerSealer({ ledger, seals, checkpoints })
  await sealer.checkpoint()
  await sealer.stop()
  await enforcer.shutdown()
}

/**
 * A process that leased 100 credits of `agent-1`, was killed, and left in `leases.journal` that 30 of them may have been
 * used: the time of its lease is up. Answers with the lease.
 */
export async function agentKilled(folder: string, file = 'budgets.db'): Promise<string> {
  const enforcer = await SqliteBudgetEnforcer.open({ database: `${folder}/${file}` })
  const id = mintChargeId(Date.now())
  const lease = { id, budget: 'agent-1', instance: 'i', ttlMs: 1, least: 100, most: 100 }
  await enforcer.lease(lease)
  writeFileSync(`${folder}/leases.journal`, `${JSON.stringify([id, 30])}\n`)
  await new Promise((resolve) => setTimeout(resolve, 5))
  await enforcer.shutdown()
  return id
}
