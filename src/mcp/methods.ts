import type { JsonObject } from '../core/json.js'

/**
 * Methods other than `tools/call` that can spend, and that `governed` may name. All others of the protocol begin,
 * describe or end something, and pass for nothing: the whole table is in docs/reference/wire.md.
 */
export const GOVERNABLE = ['prompts/get', 'resources/read', 'completion/complete', 'sampling/createMessage'] as const

/** A method that `governed` may name. */
export type GovernableMethod = (typeof GOVERNABLE)[number]

/** Requests that only a client makes: who sends one is asked for no tools. */
const OF_CLIENTS: readonly unknown[] = ['initialize', 'server/discover', 'tools/list', 'tools/call']

/** Whether a message that is sent shows that a client sends it. */
export function isOfClient(message: JsonObject): boolean {
  return OF_CLIENTS.includes(message.method)
}

/** This library's own methods. A server's seat answers them, or says that there are none: they carry what is secret. */
export const OWN_METHODS = [
  'budget/balance',
  'budget/delegate',
  'budget/close',
  'budget/revoke',
  'satgate/budget',
  'satgate/delegate',
] as const

/** What is answered to one that no step has. */
export function methodNotFound(id: unknown): JsonObject {
  return { jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } }
}

/** This library's own methods begin so; they are answered by a server's seat, and go on where no step answers them. */
export const EXTENSION = 'dev.mcp-budget/budget'
