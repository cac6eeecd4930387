import { BudgetError } from '../../core/errors.js'

/** A lost race: serialization, deadlock, two steps that made the same row. */
const RACES = ['40001', '40P01', '23505']
/** A server that ends, starts, or lets nobody in for now. */
const ENDS = ['57P01', '57P02', '57P03', '53300']
/** What Node says of a connection. */
const SOCKET = [
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
]

/** Whether a step lost a race, and may be made again at once. */
export function isRace(error: unknown): boolean {
  return RACES.includes(codeOf(error))
}

/** Whether the connection is gone; what became of its transaction is not known. */
export function isLost(error: unknown): boolean {
  const code = codeOf(error)
  if (ENDS.includes(code) || SOCKET.includes(code) || /^08...$/.test(code)) return true
  const { message } = Object(error) as { readonly message?: unknown }
  return /Connection terminated|Connection ended|not queryable|timeout exceeded when trying to connect/i.test(
    String(message),
  )
}

/**
 * The answer of another statement: somebody in between has sent one twice, or kept one. Nothing that this connection
 * says can be believed any more, so it counts as lost.
 */
export function outOfStep(): Error {
  return Object.assign(new Error('Expected the answer of this statement, got that of another'), { code: '08P01' })
}

/** What is told of a database that is out of reach, or that did not give its locks in time. */
export function unavailable(error: unknown, lockTimeoutMs: number): unknown {
  const say = (message: string): BudgetError => new BudgetError({ code: 'store_unavailable', message, cause: error })
  if (codeOf(error) === '55P03') return say(`Expected the lock of a partition within ${lockTimeoutMs} ms, got none`)
  // A text with a NUL in it, such as an agent may call a tool.
  if (/^22...$/.test(codeOf(error))) {
    const message = 'Expected texts that PostgreSQL can keep, got one that it cannot'
    return new BudgetError({ code: 'invalid_request', message, cause: error })
  }
  return isLost(error) ? say('Expected a connection to PostgreSQL, got none, or lost it') : error
}

function codeOf(error: unknown): string {
  return String((Object(error) as { readonly code?: unknown }).code)
}
