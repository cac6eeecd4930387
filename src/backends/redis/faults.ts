import { BudgetError } from '../../core/errors.js'

/** What a server says that cannot take a request now, itself or out of a script. */
const NOT_NOW = /(?:^|-)(READONLY|LOADING|OOM|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|BUSY|MISCONF|NOREPLICAS)\b/
/** What Node says of a connection. */
const SOCKET = /^(?:ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|NR_CLOSED)$/
/** What clients say of it, and of what they gave up: `ioredis` and `iovalkey`, then `redis`. Their classes are not ours. */
const OF_CLIENTS = new RegExp(
  [
    'Connection is closed',
    'max retries per request',
    'Command timed out',
    'enableOfflineQueue options? is false',
    'Failed to refresh slots cache',
    'Too many Cluster redirections',
    'startup nodes is available',
    'client is (?:closed|offline)',
    'Socket (?:closed unexpectedly|timeout)',
    'Connection timeout',
    'Disconnects client',
    'root nodes are unavailable',
  ].join('|'),
  'i',
)

/** What is told of a server that is out of reach, or cannot take a request now; any other error stays as it is. */
export function unavailable(error: unknown): unknown {
  const { code, message } = Object(error) as { readonly code?: unknown; readonly message?: unknown }
  const say = (got: string): BudgetError =>
    new BudgetError({ code: 'store_unavailable', message: `Expected an answer of Redis, got ${got}`, cause: error })
  const [, word] = NOT_NOW.exec(String(message)) ?? []
  if (word !== undefined) return say(`${word}: it cannot take requests now`)
  return SOCKET.test(String(code)) || OF_CLIENTS.test(String(message)) ? say('none, or the connection was lost') : error
}
