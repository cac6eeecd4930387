/** A stdio server where everything that this package can tell of happens, and is listened to. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import {
  BudgetEvents,
  CutoverReport,
  InMemoryBudgetEnforcer,
  KeyRing,
  MemoryLedger,
  meter,
  withDelegation,
  withToolPins,
  wrapServer,
  wrapTool,
  type BudgetEventName,
  type BudgetOptions,
  type JsonObject,
} from 'mcp-budget'
import { mint } from 'mcp-budget/delegation'
import { faultyEnforcer } from 'mcp-budget/testing'
import { newCall } from '../../../src/core/call.js'

const EVENTS = {
  held: 0,
  charged: 0,
  refused: 0,
  unpriced: 0,
  simulated: 0,
  tool_changed: 0,
  delegated: 0,
  closed: 0,
  revoked: 0,
  overdrawn: 0,
  outage: 0,
  recovered: 0,
  delayed: 0,
  fault: 0,
} satisfies Omit<Record<BudgetEventName, number>, 'leased' | 'recalled' | 'forfeited' | 'reconciled' | 'covered'>

const heard: Record<string, number> = EVENTS
const events = new BudgetEvents()
for (const name of Object.keys(EVENTS) as BudgetEventName[]) {
  events.on(name, () => {
    heard[name] = (heard[name] ?? 0) + 1
    if (name === 'held') throw new Error('a listener that fails')
  })
}
const report = new CutoverReport({ events })
const ledger = new MemoryLedger()
const enforcer = new InMemoryBudgetEnforcer({ ledger })
enforcer.initialize('agent-1', 12)
let down = true
const flaky = faultyEnforcer(enforcer, () => (down ? 'throw' : undefined))
const bad = { max: 5, metered: { pointer: '/none' } }

const server = new McpServer({ name: 'metered', version: '1.0.0' })

function add(name: string, options: Partial<BudgetOptions> & { unpriced?: 'observe' } = {}): void {
  const { unpriced, ...more } = options
  const prices = unpriced === undefined ? { costs: { '*': bad } } : { unpriced }
  const steps = meter({ enforcer, budget: 'agent-1', prices, ledger, events, ...more })
  const handler = () => ({ content: [{ type: 'text' as const, text: name }] })
  server.registerTool(name, {}, wrapTool(name, handler, steps))
}

add('hard')
add('soft', { mode: 'soft', advise: true })
add('shadow', { mode: 'shadow' })
add('observed', { unpriced: 'observe' })
add('flaky', { enforcer: flaky, failMode: { open: { limit: 100 } } })
/** Delegates, closes and revokes, as the holder of a token may. */
async function handOn(): Promise<void> {
  enforcer.initialize('agent-2', 10)
  const keys = new KeyRing({ current: { kid: 'k1', key: globalThis.crypto.getRandomValues(new Uint8Array(32)) } })
  const { methods = {} } = withDelegation({ keys, enforcer, events })
  const token = await mint(keys, { budget: 'agent-2', exp: 'never', ops: ['delegate', 'close', 'revoke'], depth: 1 })
  const ask = async (tool: string, args: JsonObject): Promise<JsonObject> =>
    (await methods[tool]?.(newCall({ tool, args, token }, Date.now()))) as unknown as JsonObject
  const { budgetId: budget } = await ask('budget/delegate', { budget: 1 })
  await ask('budget/close', { budget })
  await ask('budget/revoke', { token })
}

server.registerTool('told', {}, async () => {
  down = false
  // The outbox tries again after a second, and the outage ends.
  while (heard['recovered'] === 0) await new Promise((resolve) => setTimeout(resolve, 50))
  await handOn()
  return {
    content: [{ type: 'text', text: JSON.stringify({ heard, records: ledger.entries().length, ...report.summary() }) }],
  }
})

// Its tools are metered one by one; the seat on the whole is for what shows in `tools/list`.
wrapServer(server, withToolPins({ pins: { hard: '0'.repeat(64) }, events }))
await server.connect(new StdioServerTransport())
