import { isObject, type JsonObject } from '../core/json.js'

/** Any MCP transport, of SDK v1 or v2, or one's own: only the shape counts, so neither SDK is needed to load this. */
export interface TransportLike {
  start(): Promise<void>
  send(message: never, options?: never): Promise<void>
  close(): Promise<void>
  onclose?: (() => void) | undefined
  onerror?: ((error: Error) => void) | undefined
  onmessage?: ((message: never, extra?: never) => void) | undefined
}

/** Any MCP client, of SDK v1 or v2. */
export interface ClientLike {
  connect(transport: never, options?: never): Promise<void>
  readonly transport?: unknown
}

/** Any MCP server, of SDK v1 or v2. */
export interface ServerLike {
  connect(transport: never): Promise<void>
  close(): Promise<void>
}

/** A JSON-RPC id. `1` and `"1"` are two ids. */
export type RequestId = string | number

/** What a sender says beside the message; the keys that matter here, of both generations. */
export interface SendOptions {
  readonly resumptionToken?: string
  readonly onresumptiontoken?: (token: string) => void
  readonly requestSignal?: AbortSignal
  readonly onRequestStreamEnd?: () => void
}

/** The transport below a seat, as the seat uses it. */
export interface Wire {
  send(message: unknown, options: SendOptions | undefined): Promise<void>
  /** Hands a message to whoever is connected above. */
  deliver(message: JsonObject, extra?: unknown): void
  /** Tells of a receiver that threw where nobody would catch it. */
  fault(error: unknown): void
  /** Whether a `resumptionToken` really resumes a stream there; elsewhere the call would run, and must be paid. */
  readonly resumes: boolean
  /** The id of the session, where the transport has one. */
  readonly session: string | undefined
  /** Whether the transport has shown to be a client's. */
  readonly isClient: boolean
  /** Stands for the transport. */
  readonly link: object
}

/** Prefix of every `_meta` key of this library. */
export const META = 'dev.mcp-budget/'

/** Whether a message is a `tools/call`. */
export function isToolsCall(message: JsonObject): boolean {
  return message.method === 'tools/call'
}

/** An answer to a request: has an id and no method. */
export function isResponse(message: JsonObject): boolean {
  return message.method === undefined && message.id !== undefined && message.id !== null
}

/** Whether a value can be the id of a request. */
export function isRequestId(id: unknown): id is RequestId {
  return typeof id === 'string' || (typeof id === 'number' && Number.isSafeInteger(id))
}

/** The number that an answer's id in text stands for: both SDKs take the answer "1" for that to 1. */
export function numberOf(id: unknown): RequestId {
  return typeof id === 'string' ? Number(id) : (id as RequestId)
}

/** An object at a key of an object, or an empty one. */
export function objectAt(object: JsonObject, key: string): JsonObject {
  const value = object[key]
  return isObject(value) ? value : {}
}
