import { BudgetError, describeValue } from '../core/errors.js'
import { isMetered } from './metered-transport.js'
import { isObject } from '../core/json.js'

/** Whether something is a server of an SDK: a `Server`, or an `McpServer` around one. */
export function isServer(value: unknown): boolean {
  const given = isObject(value) ? value : {}
  const low = isObject(given.server) ? given.server : given
  return typeof low.connect === 'function' && typeof low.getClientCapabilities === 'function'
}

/** The error of wrapping what is no such thing; says which function it is for, where that can be told. */
export function notSupported(who: string, expected: string, value: unknown): BudgetError {
  const hint = hintFor(value) ?? `got ${describeValue(value)}`
  return new BudgetError({ code: 'not_supported', message: `Expected ${who} to get ${expected}; ${hint}` })
}

function hintFor(value: unknown): string | undefined {
  if (typeof value === 'function') return 'use wrapServerFactory for a function that makes servers'
  if (isServer(value)) return 'use wrapServer for a server'
  if (!isObject(value)) return undefined
  if ('callTool' in value) return 'use wrapClient for a client'
  if ('send' in value || isMetered(value)) return 'use wrapTransport for a transport'
  return 'fetch' in value ? 'use wrapServerFactory inside createMcpHandler' : undefined
}
