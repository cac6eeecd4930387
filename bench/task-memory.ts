/*
 * What the tracker of tasks keeps: the heap after a garbage collection when a million tasks have come and gone, beside
 * that at 200,000, and how many entries its store has. One task in a hundred fails, and none is ever asked about again
 * by anybody but its end. Gates nothing:
 *
 *   node --expose-gc --import tsx bench/task-memory.ts
 */
import { InMemoryBudgetEnforcer, InMemoryTaskStore, withBudget, withCostProfile, withTaskTracking } from 'mcp-budget'
import { wrapTransport } from 'mcp-budget'

const FIRST = 200_000
const ALL = 1_000_000
const GOAL = 1.05

const link = {
  onmessage: undefined as ((message: unknown) => void) | undefined,
  start: () => Promise.resolve(),
  send: (_message: unknown) => Promise.resolve(),
  close: () => Promise.resolve(),
}
const enforcer = new InMemoryBudgetEnforcer()
enforcer.initialize('agent-1', 1e15)
const tasks = new InMemoryTaskStore()
const transport = wrapTransport(
  link,
  withCostProfile({ defaultCost: 5 }),
  withTaskTracking({ tasks, retryCostMode: 'first-only' }),
  withBudget({ enforcer, budget: 'agent-1' }),
)
transport.onmessage = () => {}

function heapMb(): number {
  if (globalThis.gc === undefined) throw new Error('Run with --expose-gc')
  for (let i = 0; i < 4; i++) globalThis.gc()
  return process.memoryUsage().heapUsed / 2 ** 20
}

async function run(from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    const params = { name: 'render', arguments: { n }, task: { ttl: 60_000 } }
    await transport.send({ jsonrpc: '2.0', id: n, method: 'tools/call', params })
    const task = { taskId: `task-${n}`, status: 'working', ttl: 60_000 }
    link.onmessage?.({ jsonrpc: '2.0', id: n, result: { task } })
    const status = n % 100 === 0 ? 'failed' : 'completed'
    link.onmessage?.({ jsonrpc: '2.0', method: 'notifications/tasks/status', params: { ...task, status } })
    if (n % 1_000 === 0) await new Promise((resolve) => void setImmediate(resolve))
  }
}

await run(0, FIRST)
const first = heapMb()
await run(FIRST, ALL)
const all = heapMb()
await new Promise((resolve) => void setTimeout(resolve, 100))
const { spent, held } = enforcer.describe('agent-1')
console.log(`${ALL} tasks, ${spent / 5} charged, ${held} held, ${tasks.size} entries`)
const verdict = all / first <= GOAL ? 'met' : 'MISSED'
console.log(
  `heap ${first.toFixed(1)} MB → ${all.toFixed(1)} MB: ${(all / first).toFixed(3)}×   goal ≤ ${GOAL}×   ${verdict}`,
)
