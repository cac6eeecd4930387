import { CallAuth, TOKEN_PREFIX } from '../core/auth.js'
import { isObject, type JsonObject } from '../core/json.js'
import { META, objectAt } from './wire.js'

const NOTHING = { clientId: undefined, scopes: [], extra: {} }

/**
 * Who asks, from what a transport says beside a message (of either SDK generation) and from the message's `_meta`.
 * `undefined` where neither says anything.
 *
 * Tokens of this library are looked for in `authInfo.token`, the Authorization header, `_meta` under
 * `dev.mcp-budget/token` and under the alias `token`; whatever else is there is somebody else's.
 */
export function authOf(message: JsonObject, extra: unknown): CallAuth | undefined {
  const given = isObject(extra) ? extra : {}
  const info = objectAt(given, 'authInfo')
  const meta = objectAt(objectAt(message, 'params'), '_meta')
  const presented = [info.token, bearerOf(given), meta[`${META}token`], meta.token].filter(isOurs)
  if (given.authInfo === undefined && presented.length === 0) return undefined
  const { clientId, scopes } = info
  const about = {
    clientId: typeof clientId === 'string' ? clientId : undefined,
    scopes: Array.isArray(scopes) ? scopes.filter((scope) => typeof scope === 'string') : [],
    extra: objectAt(info, 'extra'),
  }
  return new CallAuth(given.authInfo === undefined ? NOTHING : about, presented)
}

function isOurs(token: unknown): token is string {
  return typeof token === 'string' && token.startsWith(TOKEN_PREFIX)
}

// v1 says the headers as an object in lower case, v2 hands on the request.
function bearerOf(extra: JsonObject): string | undefined {
  const { headers } = objectAt(extra, 'request') as { headers?: { get?(name: string): unknown } }
  const value = headers?.get?.('authorization') ?? objectAt(objectAt(extra, 'requestInfo'), 'headers').authorization
  return typeof value === 'string' ? /^Bearer +(.+)$/i.exec(value)?.[1] : undefined
}
