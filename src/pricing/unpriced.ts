import { refuse, type Refusal, type RefusalReason } from '../core/refusal.js'
import type { ToolCall } from '../core/call.js'

/** The refusal of a call whose price is not known. */
export function unpriced(call: ToolCall, reason: RefusalReason<'unpriced_tool'>, detail?: object): Refusal {
  return refuse(call.tool, { error: 'unpriced_tool', reason, detail })
}
