import { BudgetError } from '../core/errors.js'
import { decodeToken } from './codec.js'
import { TOKEN_LIMITS } from './limits.js'

/** A text that was just made, held against the limits that a gateway has. @throws BudgetError `too_large` */
export function checkedToken(text: string): string {
  if (decodeToken(text, { limits: TOKEN_LIMITS }) !== undefined) return text
  const { text: characters, caveats, caveat } = TOKEN_LIMITS
  throw new BudgetError({
    code: 'too_large',
    message:
      `Expected a token of at most ${caveats} caveats of ${caveat} bytes and ${characters} characters in all; ` +
      'ask for a new token instead of attenuating this one again',
  })
}
