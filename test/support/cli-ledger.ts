import { compose, withBudget, withCostProfile, withLedger } from 'mcp-budget'
import { fileSink, generateKeys, LedgerSealer, signingKey } from 'mcp-budget/audit'
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
