import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { isObject, type JsonObject } from '../core/json.js'
import { readSeat, type SeatOptions } from './seat.js'
import { refusalResult } from './refusal.js'
import { takeCredentials } from './credentials.js'
import { runCall } from '../core/run-call.js'
import { objectAt } from './wire.js'
import type { CallMiddleware, Ordered } from '../core/middleware.js'
import { newCall, type ToolCall } from '../core/call.js'

/** A tool's handler in SDK v1 or v2: `(args, extra)`, or `(extra)` for a tool without arguments. */
export type ToolHandler = (...given: never[]) => unknown

/**
 * Puts steps around one tool's handler, of a v1 or v2 server. A handler cannot raise a JSON-RPC error, so a refusal is
 * an `isError` result, with the data in `_meta['dev.mcp-budget/refusal']`. Once the handler has begun, work was done:
 * a throw is charged as a failure, and goes on to the SDK as it came. A handler that asks for more input
 * (`input_required`) is charged when it ends, not for each round.
 *
 * @param name the tool's name, as it is registered and priced
 * @throws BudgetError `invalid_config`, `wrong_order`
 * @example
 * ```ts
 * server.registerTool('draw', { inputSchema: { prompt: z.string() } },
 *   wrapTool('draw', draw, withCostProfile({ costs: { draw: 50 } }), withBudget({ enforcer, budget: 'studio' })))
 * ```
 */
export function wrapTool<Handler extends ToolHandler, List extends readonly CallMiddleware[]>(
  name: string,
  handler: Handler,
  options: Pick<SeatOptions, 'server' | 'clock'>,
  ...steps: List & Ordered<List>
): Handler
export function wrapTool<Handler extends ToolHandler, List extends readonly CallMiddleware[]>(
  name: string,
  handler: Handler,
  ...steps: List & Ordered<List>
): Handler
export function wrapTool<Handler extends ToolHandler>(
  name: string,
  handler: Handler,
  ...given: readonly (SeatOptions | CallMiddleware)[]
): Handler {
  const seat = readSeat('wrapTool', given, ['server', 'clock'])
  const { engine } = seat
  const run = handler as unknown as (...given: unknown[]) => MaybePromise<unknown>
  const metered = (...handed: unknown[]): MaybePromise<unknown> => {
    const { received: kept, ...about } = readHandlerCall(handed)
    const received = seat.shadow ? handed : kept
    const call = newCall({ tool: name, server: seat.server, ...about }, seat.clock.now())
    let given: unknown
    const handle = (judged: ToolCall): MaybePromise<unknown> => {
      const answer = run(...(judged.args === call.args ? received : [judged.args, ...received.slice(1)]))
      return andThen(answer, (value) => (given = value))
    }
    const signal = signalOf(received)
    return andThen(runCall(engine, call, handle, signal), (outcome) => {
      if (outcome.kind === 'refused') return refusalResult(outcome.refusal, 'legacy')
      if (outcome.kind === 'error') throw outcome.thrown
      if (given === undefined) signal?.throwIfAborted()
      // As it came, but for what a step changed.
      return outcome.kind === 'result' && isObject(given) ? outcome.result : given
    })
  }
  return metered as unknown as Handler
}

// Both generations hand a tool without input schema the context alone.
function contextOf(received: readonly unknown[]): JsonObject {
  return Object(received.at(-1)) as JsonObject
}

/** The call that a handler was asked for; and what it was handed, without the tokens of this library. */
interface HandlerCall extends Pick<ToolCall, 'args' | 'meta' | 'auth'> {
  readonly received: readonly unknown[]
}

function readHandlerCall(received: readonly unknown[]): HandlerCall {
  const context = contextOf(received)
  const { http, mcpReq, sessionId } = context
  const given = context._meta ?? objectAt(context, 'mcpReq')._meta
  const besides = isObject(http) ? { ...http, request: http.req } : context
  const session = typeof sessionId === 'string' ? sessionId : undefined
  const presented = takeCredentials({ params: { _meta: given } }, besides, session)
  const { _meta: meta } = objectAt(presented.message, 'params')
  const args = received.length > 1 && isObject(received[0]) ? received[0] : undefined
  const call = { args, meta: isObject(meta) ? meta : undefined, auth: presented.auth }
  if (meta === given && presented.extra === besides) return { ...call, received }
  const { request, ...rest } = presented.extra as JsonObject
  const kept = isObject(http) ? { http: { ...rest, req: request } } : (presented.extra as JsonObject)
  const marked = isObject(mcpReq) ? { mcpReq: { ...mcpReq, _meta: meta } } : { _meta: meta }
  return { ...call, received: [...received.slice(0, -1), { ...context, ...kept, ...marked }] }
}

function signalOf(received: readonly unknown[]): AbortSignal | undefined {
  const context = contextOf(received)
  const signal = context.signal ?? objectAt(context, 'mcpReq').signal
  return signal instanceof AbortSignal ? signal : undefined
}
