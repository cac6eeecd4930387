import {
  NOBODY,
  PresentedAuth,
  TOKEN_PREFIX,
  type CallAuth,
  type PresentedToken,
  type TokenSource,
} from '../core/auth.js'
import { isObject, type JsonObject } from '../core/json.js'
import { META, objectAt } from './wire.js'
import type { ToolCall } from '../core/call.js'

/** The `_meta` key of a token, and the one that the seeds gave it. */
export const TOKEN_META = `${META}token`
export const TOKEN_ALIAS = 'token'

/** The header of our own, for servers whose Authorization is somebody else's. */
const TOKEN_HEADER = 'mcp-budget-token'

const NOTHING: JsonObject = Object.freeze({})

/** What came in, without its tokens; and who asks, who keeps them. */
export interface Presented {
  readonly message: JsonObject
  readonly extra: unknown
  readonly auth: CallAuth | undefined
}

/**
 * Takes the tokens of this library out of a message and of what a transport says beside it (of either SDK generation),
 * so that nobody behind the seat is handed one. Copies only where there is one. A credential that is somebody else's is
 * left alone: in Authorization, `authInfo` and `_meta.token`, whatever does not begin with `mcpb_`.
 *
 * @param session the id of the session, as the transport has it
 */
export function takeCredentials(message: JsonObject, extra: unknown, session?: string): Presented {
  const given = isObject(extra) ? extra : NOTHING
  const meta = objectAt(objectAt(message, 'params'), '_meta')
  if (Object.keys(given).length === 0 && Object.keys(meta).length === 0) return { message, extra, auth: undefined }
  const info = objectAt(given, 'authInfo')
  const headers = headersOf(given)
  const tokens: PresentedToken[] = []
  const take = (value: unknown, from: TokenSource): boolean => {
    const isOurs = from === 'meta' || from === 'header' ? value !== undefined : startsAsOurs(value)
    // What is no text is no token either, and is not nothing.
    if (isOurs) tokens.push({ text: typeof value === 'string' ? value : '', from })
    return isOurs
  }
  const inMeta = [take(meta[TOKEN_META], 'meta'), take(meta[TOKEN_ALIAS], 'alias')].some(Boolean)
  const besides = [
    take(headers?.(TOKEN_HEADER), 'header'),
    take(bearer(headers?.('authorization')), 'authorization'),
    take(info.token, 'authorization'),
  ].some(Boolean)
  // A credential that was not taken for one of ours may have one in it all the same.
  const shown = besides || hasOurHeader(given)
  const kept = shown || (inMeta && given.request !== undefined) ? withoutHeaders(given) : extra
  if (given.authInfo === undefined && tokens.length === 0) return { message, extra: kept, auth: undefined }
  const about = given.authInfo === undefined ? NOBODY : aboutOf(info)
  return {
    message: inMeta ? withoutTokens(message) : message,
    extra: kept,
    auth: new PresentedAuth(about, { tokens, session }),
  }
}

/** A message with the tokens that a step wants to send with its call. A copy, where there is one. */
export function withTokens(message: JsonObject, call: ToolCall | undefined): JsonObject {
  const { tokens } = PresentedAuth.credentialsOf({ auth: call?.auth })
  if (tokens.length === 0) return message
  const params = objectAt(message, 'params')
  const sent = tokens.map(({ text, from }) => [from === 'alias' ? TOKEN_ALIAS : TOKEN_META, text] as const)
  return { ...message, params: { ...params, _meta: { ...objectAt(params, '_meta'), ...Object.fromEntries(sent) } } }
}

/** A message without the tokens in its `_meta`. A copy. */
function withoutTokens(message: JsonObject): JsonObject {
  const params = objectAt(message, 'params')
  return { ...message, params: { ...params, _meta: metaWithoutTokens(objectAt(params, '_meta')) } }
}

/** A `_meta` without tokens: itself, where there is none. */
function metaWithoutTokens(meta: JsonObject): JsonObject {
  const alias = startsAsOurs(meta[TOKEN_ALIAS])
  if (!alias && meta[TOKEN_META] === undefined) return meta
  return Object.fromEntries(
    Object.entries(meta).filter(([key]) => key !== TOKEN_META && !(alias && key === TOKEN_ALIAS)),
  )
}

function startsAsOurs(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith(TOKEN_PREFIX)
}

function aboutOf(info: JsonObject): CallAuth {
  const { clientId, scopes } = info
  return {
    clientId: typeof clientId === 'string' ? clientId : undefined,
    scopes: Array.isArray(scopes) ? scopes.filter((scope): scope is string => typeof scope === 'string') : [],
    extra: objectAt(info, 'extra'),
  }
}

// v1 says the headers as an object in lower case, v2 hands on the request.
function headersOf(extra: JsonObject): ((name: string) => unknown) | undefined {
  const { headers } = objectAt(extra, 'request') as { headers?: { get?(name: string): unknown } }
  if (typeof headers?.get === 'function') return (name) => headers.get?.(name) ?? undefined
  const plain = objectAt(extra, 'requestInfo').headers
  if (!isObject(plain)) return undefined
  return (name) => Object.entries(plain).find(([key]) => key.toLowerCase() === name)?.[1]
}

function bearer(value: unknown): string | undefined {
  return typeof value === 'string' ? /^Bearer +(.+)$/i.exec(value)?.[1] : undefined
}

function withoutHeaders(extra: JsonObject): JsonObject {
  const { request, requestInfo, authInfo } = extra
  return {
    ...extra,
    ...(isObject(request) && { request: requestWithout(request as unknown as Request) }),
    ...(isObject(requestInfo) && { requestInfo: { ...requestInfo, headers: plainWithout(requestInfo.headers) } }),
    ...(isObject(authInfo) && startsAsOurs(authInfo.token) && { authInfo: { ...authInfo, token: '' } }),
  }
}

function hasOurHeader(extra: JsonObject): boolean {
  return headerEntries(extra).some(([name, value]) => isOurHeader(name, value))
}

function headerEntries(extra: JsonObject): ReadonlyArray<[string, unknown]> {
  const { headers } = objectAt(extra, 'request') as { headers?: Iterable<[string, unknown]> }
  const plain = objectAt(extra, 'requestInfo').headers
  try {
    return [...(headers ?? []), ...Object.entries(Object(plain) as JsonObject)]
  } catch {
    return []
  }
}

function plainWithout(headers: unknown): JsonObject {
  const shown = Object.entries(Object(headers) as JsonObject)
  return Object.fromEntries(shown.filter(([name, value]) => !isOurHeader(name, value)))
}

// Without its body, which has been read to find the message. One that cannot be made again is not shown at all.
function requestWithout({ url, method, headers, signal }: Request): Request | undefined {
  try {
    const kept = [...headers].filter(([name, value]) => !isOurHeader(name, value))
    return new Request(url, { method, headers: kept, signal })
  } catch {
    return undefined
  }
}

function isOurHeader(name: string, value: unknown): boolean {
  const lower = name.toLowerCase()
  return lower === TOKEN_HEADER || (lower === 'authorization' && String(value).includes(TOKEN_PREFIX))
}
