import { PresentedAuth, type TokenSource } from '../core/auth.js'
import type { ToolCall } from '../core/call.js'

/** The token of a call; none; or more than one, of which nobody can say which is meant. */
export type Found =
  | { readonly kind: 'found'; readonly text: string; readonly bare: boolean }
  | { readonly kind: 'none' }
  | { readonly kind: 'ambiguous' }

/**
 * The token that came with a call.
 *
 * @param takes where one may come from; one from elsewhere counts for nothing, but for being another
 */
export function presentedToken(call: Pick<ToolCall, 'auth'>, takes: (from: TokenSource) => boolean): Found {
  const { tokens } = PresentedAuth.credentialsOf(call)
  const [first] = tokens
  if (tokens.some(({ text }) => text !== first?.text)) return { kind: 'ambiguous' }
  const taken = tokens.find(({ from }) => takes(from))
  if (taken === undefined) return { kind: 'none' }
  return { kind: 'found', text: taken.text, bare: taken.from === 'meta' || taken.from === 'header' }
}
