import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import {
  InMemoryTaskMessageQueue,
  InMemoryTaskStore,
} from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { wrapTransport, type CallMiddleware } from 'mcp-budget'
import { string } from 'zod'

/** What a rendering does: works, fails, or never ends. */
export type Plan = 'works' | 'fails' | 'hangs'

/** A server of SDK v1 whose tool `render` takes long: every call of it becomes a task. */
export function studioV1(taskStore = new InMemoryTaskStore()): McpServer {
  const server = new McpServer(
    { name: 'studio', version: '1.0.0' },
    {
      capabilities: { tasks: { requests: { tools: { call: {} } }, list: {}, cancel: {} } },
      taskStore,
      taskMessageQueue: new InMemoryTaskMessageQueue(),
    },
  )
  server.experimental.tasks.registerToolTask(
    'render',
    { inputSchema: { plan: string() }, execution: { taskSupport: 'required' } },
    {
      async createTask({ plan }, { taskStore: ofRequest, taskRequestedTtl }) {
        const task = await ofRequest.createTask({ ttl: taskRequestedTtl ?? null, pollInterval: 10 })
        if (plan !== 'hangs') {
          const isError = plan === 'fails'
          const result = { content: [{ type: 'text' as const, text: plan }], isError }
          const end = (): Promise<void> =>
            ofRequest.storeTaskResult(task.taskId, isError ? 'failed' : 'completed', result)
          // A task that was cancelled or forgotten meanwhile takes no result.
          setTimeout(() => void end().catch(() => {}), 20)
        }
        return { task }
      },
      getTask: (_args, { taskId, taskStore: ofRequest }) => ofRequest.getTask(taskId),
      getTaskResult: async (_args, { taskId, taskStore: ofRequest }) =>
        CallToolResultSchema.parse(await ofRequest.getTaskResult(taskId)),
    },
  )
  return server
}

/** A connected client of SDK v1, with or without a seat. */
export async function clientV1(server: McpServer, steps: readonly CallMiddleware[]): Promise<Client> {
  const [near, far] = InMemoryTransport.createLinkedPair()
  await server.connect(far)
  const client = new Client({ name: 'agent', version: '1.0.0' }, { capabilities: { tasks: {} } })
  const transport: Transport = near
  await client.connect(
    steps.length > 0 ? wrapTransport(transport, { server: 'studio' }, ...(steps as readonly [])) : transport,
  )
  return client
}

/** Renders, and waits for the task: as the SDK's own stream does. */
export async function renderV1(client: Client, plan: Plan, ttl = 2_000): Promise<'works' | 'fails'> {
  const call = { name: 'render', arguments: { plan } }
  for await (const message of client.experimental.tasks.callToolStream(call, CallToolResultSchema, { task: { ttl } })) {
    if (message.type === 'error') return 'fails'
    if (message.type === 'result') return message.result.isError === true ? 'fails' : 'works'
  }
  throw new Error('Expected the task to end')
}
