import { BudgetError } from '../core/errors.js'
import { decodeToken, type RawToken } from './codec.js'
import { readIdentifier, type TokenIdentifier } from './identifier.js'
import { TOKEN_LIMITS } from './limits.js'

/**
 * Reads a token that a program was given by its owner; nothing is proved. The text never stands in the error.
 *
 * @throws BudgetError `invalid_token`
 */
export function readToken(text: string): { readonly raw: RawToken; readonly identifier: TokenIdentifier } {
  const raw = decodeToken(text, { limits: TOKEN_LIMITS })
  const identifier = raw && readIdentifier(raw.identifier)
  if (raw !== undefined && identifier !== undefined) return { raw, identifier }
  throw new BudgetError({
    code: 'invalid_token',
    message: `Expected a token as \`mint\` gives it, \`mcpb_\` and what follows, got ${sizeOf(text)}`,
  })
}

function sizeOf(text: unknown): string {
  return typeof text === 'string' ? `${text.length} characters that are none` : `a ${typeof text}`
}
