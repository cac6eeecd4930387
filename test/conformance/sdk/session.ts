import type { TransportLike } from 'mcp-budget'
import type { Scenario } from '../scenario.js'

export interface Tool {
  readonly name: string
  readonly inputSchema: { readonly properties?: Readonly<Record<string, unknown>> | undefined }
}

/** What the script needs of a client of either SDK generation. */
export interface ConformanceClient {
  getServerCapabilities():
    { readonly tools?: unknown; readonly resources?: unknown; readonly prompts?: unknown } | undefined
  listTools(): Promise<{ tools: readonly Tool[] }>
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<unknown>
  listResources(): Promise<{ resources: ReadonlyArray<{ uri: string }> }>
  readResource(params: { uri: string }): Promise<unknown>
  listPrompts(): Promise<{ prompts: ReadonlyArray<{ name: string }> }>
  getPrompt(params: { name: string }): Promise<unknown>
  close(): Promise<void>
}

/** One client with its transport: connected by `connect`, authorized by `authorize` after an `isUnauthorized` error. */
export interface Session {
  readonly client: ConformanceClient
  connect(): Promise<void>
  authorize(): Promise<void>
}

/** One SDK generation. Credentials outlive a session, sessions do not outlive a failed connect. */
export interface Sdk {
  open(): Session
  isUnauthorized(error: unknown): boolean
  /** What the error of a `callTool` says about the tool. */
  fateOf(error: unknown): Fate
}

/** `ran`: something came back from the tool, if only an error. `refused`: the server did not let it run. */
export type Fate = 'ran' | 'refused' | 'unanswered'

/** The codes with which a server says that it ran nothing. */
const REFUSED = [-32700, -32600, -32601, -32602, -32020]

export function fateOfCode(code: number): Fate {
  return REFUSED.includes(code) ? 'refused' : 'ran'
}

/** Where the transport passes on its way to the client: the seat of mcp-budget, or nothing. */
export type Seat = <T extends TransportLike>(transport: T) => T

export type OpenSdk = (url: URL, scenario: Scenario, seat: Seat) => Sdk

export const CLIENT_INFO = { name: 'mcp-budget-conformance', version: '0.0.0' }
export const CAPABILITIES = { elicitation: { form: { applyDefaults: true } }, sampling: {}, roots: {} }
export const SAMPLED = {
  model: 'none',
  role: 'assistant' as const,
  content: { type: 'text' as const, text: 'sampled' },
}
