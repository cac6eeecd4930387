import type { Authorized } from './authority.js'
import type { BudgetSettings } from './options.js'
import type { HoldLine, HoldRequest } from './enforcer.js'
import type { ToolCall } from '../core/call.js'

/** What a store is asked to put aside for a call. */
export function holdRequest(
  call: ToolCall & Authorized,
  lines: readonly HoldLine[],
  { ttlMs, onExpire, mode }: BudgetSettings,
): HoldRequest {
  const { id, tool, server, authority } = call
  const request = { id, lines, ttlMs, onExpire, overdraft: mode === 'soft', meta: { tool, server } }
  return authority === undefined ? request : { ...request, authority }
}
