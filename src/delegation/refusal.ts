import { refuse, type Refusal, type RefusalReason } from '../core/refusal.js'
import type { CaveatKind, TokenReason } from './caveat.js'

/** What a token forbids of a call that it is good for; all else is said to nobody. */
const FORBIDDEN: Partial<Record<TokenReason, RefusalReason<'forbidden_tool'>>> = {
  tool_not_allowed: 'forbidden_tool',
  argument_not_allowed: 'argument_not_allowed',
  call_cost_exceeded: 'call_cost_exceeded',
  custom_caveat: 'forbidden_tool',
}

/** Whether a caveat forbids something of a call for which its token is good. */
export function forbids({ reason = 'custom_caveat' }: CaveatKind): boolean {
  return FORBIDDEN[reason] !== undefined
}

/** The one answer to whoever has no right: who brings a token that does not serve learns no more than a stranger. */
export function unauthorized(tool: string, detail: unknown): Refusal {
  return refuse(tool, { error: 'unauthorized', reason: 'unauthorized', detail })
}

/** The refusal of a call by its token. */
export function refusalOfToken(tool: string, tokenId: string | undefined, reason: TokenReason): Refusal {
  const forbidden = FORBIDDEN[reason]
  if (forbidden === undefined) return unauthorized(tool, tokenId === undefined ? reason : { reason, tokenId })
  return refuse(tool, { error: 'forbidden_tool', reason: forbidden, tokenId, detail: reason })
}
