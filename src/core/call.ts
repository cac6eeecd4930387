import { mintChargeId, type ChargeId } from './ids.js'
import { NOBODY, PresentedAuth, type CallAuth } from './auth.js'
import type { JsonObject } from './json.js'
import type { Operation } from './operation.js'
import type { Price } from './price.js'

/**
 * One invocation of a tool. Immutable: a step that adds something returns a copy with it.
 *
 * @property id the charge id, minted by the seat; links holds, money entries, call records and events
 * @property round 0, and one more each time a call that was asked for input goes on: the same call, under the same id
 * @property tool the name as it will be forwarded
 * @property args the arguments as they came, not validated; `undefined` when the call has none
 * @property meta the call's `_meta`, as it came
 * @property server which server the call goes to, as the seat's owner named it; never what the peer says of itself
 * @property startedAt when the seat saw it, milliseconds since 1970
 * @property asTask whether the caller asked for a task (`params.task`)
 * @property auth who asks, as the server's own authentication has it; `undefined` where there is none
 */
export interface ToolCall {
  readonly kind: 'call'
  readonly id: ChargeId
  readonly round: number
  readonly tool: string
  readonly args: JsonObject | undefined
  readonly meta: JsonObject | undefined
  readonly server: string | undefined
  readonly startedAt: number
  readonly asTask: boolean
  readonly auth: CallAuth | undefined
}

/**
 * A copy of a call, for a step to add to. Copied field by field where a seat made the call: a spread that then gains
 * keys costs more than all the rest of a step.
 */
export function copyCall<Call extends ToolCall>(call: Call): { -readonly [Key in keyof Call]: Call[Key] } & Additions {
  return (call instanceof SeatCall ? new SeatCall(call) : { ...call }) as never
}

/** What is known of a call when it is first seen. */
export interface CallInput {
  readonly tool: string
  readonly args?: JsonObject | undefined
  readonly meta?: JsonObject | undefined
  readonly server?: string | undefined
  readonly auth?: CallAuth | undefined
  /** A token that comes with the call, where no seat has found one. */
  readonly token?: string
}

/** An earlier leg of the call, which it goes on from. */
export interface EarlierLeg {
  readonly id: ChargeId
  /** The round that begins. */
  readonly round: number
}

/** A call as it is first seen, at `startedAt`; or one that goes on. */
export function newCall(input: CallInput, startedAt: number, asTask = false, earlier?: EarlierLeg): ToolCall {
  const { tool, args, meta, server, token } = input
  const auth = token === undefined ? input.auth : bearing(token, input.auth)
  const { id = mintChargeId(startedAt), round = 0 } = earlier ?? {}
  return new SeatCall({ id, round, tool, args, meta, server, startedAt, asTask, auth })
}

function bearing(text: string, auth: CallAuth = NOBODY): CallAuth {
  return new PresentedAuth(auth, { tokens: [{ text, from: 'meta' }], session: undefined })
}

/** What our own steps add: room for it is there from the start. */
interface Additions {
  cost?: number | undefined
  price?: Price | undefined
  principal?: unknown
  authority?: unknown
  operation?: Operation | undefined
  hold?: unknown
}

class SeatCall implements ToolCall {
  readonly kind = 'call'
  readonly id: ChargeId
  readonly round: number
  readonly tool: string
  readonly args: JsonObject | undefined
  readonly meta: JsonObject | undefined
  readonly server: string | undefined
  readonly startedAt: number
  readonly asTask: boolean
  readonly auth: CallAuth | undefined
  readonly cost: number | undefined
  readonly price: Price | undefined
  readonly principal: unknown
  readonly authority: unknown
  readonly operation: Operation | undefined
  readonly hold: unknown

  constructor(from: Omit<ToolCall, 'kind'> & Additions) {
    this.id = from.id
    this.round = from.round
    this.tool = from.tool
    this.args = from.args
    this.meta = from.meta
    this.server = from.server
    this.startedAt = from.startedAt
    this.asTask = from.asTask
    this.auth = from.auth
    this.cost = from.cost
    this.price = from.price
    this.principal = from.principal
    this.authority = from.authority
    this.operation = from.operation
    this.hold = from.hold
  }
}
