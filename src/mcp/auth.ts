import { PresentedAuth, TOKEN_PREFIX, type CallAuth, type PresentedToken } from '../core/auth.js'
import { isObject, type JsonObject } from '../core/json.js'
import { META, objectAt } from './wire.js'

/**
 * Who asks, from what a transport says beside a message (of either SDK generation) and from the message's `_meta`.
 * `undefined` where neither says anything.
 *
 * Tokens of this library are looked for in `authInfo.token`, the Authorization header, `_meta` under the alias `token`,
 * and under `dev.mcp-budget/token`, where they need no prefix; whatever else is there is somebody else's.
 */
export function authOf(message: JsonObject, extra: unknown): CallAuth | undefined {
  const given = isObject(extra) ? extra : {}
  const info = objectAt(given, 'authInfo')
  const meta = objectAt(objectAt(message, 'params'), '_meta')
  const shared = [info.token, bearerOf(given), meta.token]
    .filter(isText)
    .filter((text) => text.startsWith(TOKEN_PREFIX))
  const own = [meta[`${META}token`]].filter(isText)
  const tokens: PresentedToken[] = [...shared.map(prefixed), ...own.map((text) => ({ text, bare: true }))]
  if (given.authInfo === undefined && tokens.length === 0) return undefined
  const { clientId, scopes } = info
  const about = {
    clientId: isText(clientId) ? clientId : undefined,
    scopes: Array.isArray(scopes) ? scopes.filter(isText) : [],
    extra: objectAt(info, 'extra'),
  }
  return new PresentedAuth(about, tokens)
}

function prefixed(text: string): PresentedToken {
  return { text, bare: false }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

// v1 says the headers as an object in lower case, v2 hands on the request.
function bearerOf(extra: JsonObject): string | undefined {
  const { headers } = objectAt(extra, 'request') as { headers?: { get?(name: string): unknown } }
  const value = headers?.get?.('authorization') ?? objectAt(objectAt(extra, 'requestInfo'), 'headers').authorization
  return isText(value) ? /^Bearer +(.+)$/i.exec(value)?.[1] : undefined
}
