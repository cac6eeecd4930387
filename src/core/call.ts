import type { ChargeId } from './ids.js'
import type { JsonObject } from './json.js'

/**
 * One invocation of a tool. Immutable: a step that adds something returns a copy with it.
 *
 * @property id the charge id, minted by the seat; links holds, money entries, call records and events
 * @property tool the name as it will be forwarded
 * @property args the arguments as they came, not validated; `undefined` when the call has none
 * @property meta the call's `_meta`, as it came
 * @property server which server the call goes to, as the seat's owner named it; never what the peer says of itself
 * @property startedAt when the seat saw it, milliseconds since 1970
 * @property asTask whether the caller asked for a task (`params.task`)
 */
export interface ToolCall {
  readonly kind: 'call'
  readonly id: ChargeId
  readonly tool: string
  readonly args: JsonObject | undefined
  readonly meta: JsonObject | undefined
  readonly server: string | undefined
  readonly startedAt: number
  readonly asTask: boolean
}
