import { Client, InMemoryTransport } from '@modelcontextprotocol/client'
import {
  createTaskSessionFromClient,
  resultFromTaskOutcome,
  type TaskEnabledSession,
} from '@modelcontextprotocol/ext-tasks/client'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { randomUUID } from 'node:crypto'
import { wrapTransport, type CallMiddleware } from 'mcp-budget'
import { object, string } from 'zod'
import type { Plan } from './v1.js'

const INFO = { name: 'agent', version: '1.0.0' }
const VERSION = '2026-07-28'

export interface RenderTask {
  readonly taskId: string
  readonly createdAt: string
  status: 'working' | 'completed' | 'cancelled'
  result?: object
}

/** A server of SDK v2 that speaks the extension for tasks: it decides that `render` becomes one. */
export function studioV2(tasks = new Map<string, RenderTask>()): McpServer {
  const view = (task: RenderTask) => ({ ...task, lastUpdatedAt: task.createdAt, ttlMs: 60_000, pollIntervalMs: 10 })
  const server = new McpServer(
    { name: 'studio', version: '1.0.0' },
    { capabilities: { tools: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } } },
  )
  server.registerTool('render', { inputSchema: object({ plan: string() }) }, ({ plan }) => {
    const task: RenderTask = { taskId: randomUUID(), createdAt: new Date().toISOString(), status: 'working' }
    tasks.set(task.taskId, task)
    const end = (): void => {
      if (task.status !== 'working') return
      task.status = 'completed'
      task.result = { resultType: 'complete', content: [{ type: 'text', text: plan }], isError: plan === 'fails' }
    }
    if (plan !== 'hangs') setTimeout(end, 20)
    return { resultType: 'task', ...view(task) } as never
  })
  const params = object({ taskId: string() })
  const known = (taskId: string): RenderTask => {
    const task = tasks.get(taskId)
    if (task === undefined) throw Object.assign(new Error('Unknown task'), { code: -32602 })
    return task
  }
  server.server.setRequestHandler('tasks/get', { params }, ({ taskId }) => view(known(taskId)) as never)
  server.server.setRequestHandler('tasks/cancel', { params }, ({ taskId }) => {
    // Cooperative: it is only acknowledged.
    known(taskId)
    return {}
  })
  return server
}

/** A client of SDK v2, and its session for tasks. */
export interface ExtensionClient {
  readonly client: Client
  readonly session: TaskEnabledSession
  /** Any request, framed as the session frames its own. */
  dispatch(method: string, params: object): Promise<Answer>
}

interface Answer {
  readonly result?: { readonly taskId?: string }
  readonly error?: unknown
}

/** A connected client of SDK v2 that asks for tasks. */
export async function clientV2(make: () => McpServer, steps: readonly CallMiddleware[]): Promise<ExtensionClient> {
  const [near, far] = InMemoryTransport.createLinkedPair()
  // In memory objects pass as they are; the session wants what a wire would carry.
  const send = far.send.bind(far)
  far.send = (message, options) => send(JSON.parse(JSON.stringify(message)) as typeof message, options)
  serveStdio(make, { transport: far })
  const client = new Client(INFO, { versionNegotiation: { mode: { pin: VERSION } } })
  const transport = steps.length > 0 ? wrapTransport(near, { server: 'studio' }, ...(steps as readonly [])) : near
  await client.connect(transport)
  const raw = rawDispatch(transport)
  const session = createTaskSessionFromClient(client, {
    endpointId: 'studio',
    rawDispatch: raw,
    v2RequestFraming: { protocolVersion: VERSION, clientInfo: INFO, clientCapabilities: {} },
  })
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': VERSION,
    'io.modelcontextprotocol/clientInfo': INFO,
    'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } },
  }
  return { client, session, dispatch: (method, params) => raw({ method, params: { ...params, _meta } }) }
}

/** Renders, and waits for the task. */
export async function renderV2({ session }: ExtensionClient, plan: Plan): Promise<'works' | 'fails'> {
  const execution = await session.callTool('render', { plan })
  const { outcome } = await execution.settle()
  const { isError } = resultFromTaskOutcome(outcome) as { readonly isError?: boolean }
  return isError === true ? 'fails' : 'works'
}

// The SDK's client takes no task for an answer, so the session sends such requests itself, through the same transport.
function rawDispatch(transport: InMemoryTransport) {
  const waiting = new Map<unknown, (message: never) => void>()
  const { onmessage } = transport
  transport.onmessage = (message, extra) => {
    const { id } = message as { id?: unknown }
    const resolve = waiting.get(id)
    waiting.delete(id)
    if (resolve === undefined) onmessage?.(message, extra)
    else resolve(message as never)
  }
  return (request: unknown): Promise<never> =>
    new Promise((resolve, reject) => {
      const id = randomUUID()
      waiting.set(id, resolve)
      transport.send({ jsonrpc: '2.0', ...(request as object), id } as never).catch(reject)
    })
}
