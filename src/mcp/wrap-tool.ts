import { Engine, type Passage } from '../core/engine.js'
import { isObject, type JsonObject } from '../core/json.js'
import { isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { mintChargeId } from '../core/ids.js'
import { readSeat, type SeatOptions } from './seat.js'
import { refusalResult } from './refusal.js'
import { resultOutcome, thrownOutcome } from '../core/compose.js'
import { objectAt } from './wire.js'
import type { CallMiddleware, Ordered } from '../core/middleware.js'
import type { CallOutcome } from '../core/outcome.js'
import type { ToolCall } from '../core/call.js'

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
  ...steps: List & Ordered<List>
): Handler
export function wrapTool<Handler extends ToolHandler, List extends readonly CallMiddleware[]>(
  name: string,
  handler: Handler,
  options: Omit<SeatOptions, 'refusal' | 'codes'>,
  ...steps: List & Ordered<List>
): Handler
export function wrapTool<Handler extends ToolHandler>(
  name: string,
  handler: Handler,
  ...given: readonly (SeatOptions | CallMiddleware)[]
): Handler {
  const seat = readSeat('wrapTool', given)
  const engine = new Engine(seat.steps, seat.clock)
  const run = handler as unknown as (...given: unknown[]) => MaybePromise<unknown>
  const metered = (...received: unknown[]): MaybePromise<unknown> => {
    const now = seat.clock.now()
    const call: ToolCall = {
      kind: 'call',
      id: mintChargeId(now),
      tool: name,
      server: seat.server,
      startedAt: now,
      ...readHandlerCall(received),
    }
    const passage = engine.enter(call)
    const proceed = (entered: Passage): MaybePromise<unknown> => {
      if (entered.refusal !== undefined) return refusalResult(entered.refusal, 'legacy')
      const judged = entered.call.args === call.args ? received : [entered.call.args, ...received.slice(1)]
      return runHandler(engine, entered, signalOf(received), () => run(...judged))
    }
    return isPromise(passage) ? passage.then(proceed) : proceed(passage)
  }
  return metered as unknown as Handler
}

function runHandler(
  engine: Engine,
  passage: Passage,
  signal: AbortSignal | undefined,
  handle: () => MaybePromise<unknown>,
): MaybePromise<unknown> {
  if (signal?.aborted === true) {
    const cancelled = engine.leave(passage, { kind: 'lost', cause: 'cancelled', proves: 'not-run' })
    return isPromise(cancelled)
      ? cancelled.then(() => Promise.reject(abortReason(signal)))
      : Promise.reject(abortReason(signal))
  }
  const onAbort = (): void => void engine.leave(passage, { kind: 'lost', cause: 'cancelled', proves: 'unknown' })
  signal?.addEventListener('abort', onAbort, { once: true })
  const leave = (outcome: CallOutcome): MaybePromise<CallOutcome> => {
    signal?.removeEventListener('abort', onAbort)
    return engine.leave(passage, outcome)
  }
  const answered = (value: unknown): MaybePromise<unknown> => {
    const asks = isObject(value) && value.resultType === 'input_required'
    const outcome: CallOutcome = asks
      ? { kind: 'lost', cause: 'input-required', proves: 'not-run' }
      : resultOutcome(value)
    const left = leave(outcome)
    return isPromise(left) ? left.then((later) => resultOf(later, outcome, value)) : resultOf(left, outcome, value)
  }
  const threw = (error: unknown): MaybePromise<never> => {
    const left = leave(thrownOutcome(error))
    if (isPromise(left)) return left.then(() => Promise.reject(error as Error))
    throw error
  }
  let result: MaybePromise<unknown>
  try {
    result = handle()
  } catch (error) {
    return threw(error)
  }
  return isPromise(result) ? result.then(answered, threw) : answered(result)
}

function resultOf(after: CallOutcome, before: CallOutcome, value: unknown): unknown {
  return after.kind === 'result' && before.kind === 'result' && after.result !== before.result ? after.result : value
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason ?? 'cancelled'))
}

// Both generations hand a tool without input schema the context alone.
function contextOf(received: readonly unknown[]): JsonObject {
  const last = received.at(-1)
  return isObject(last) || (typeof last === 'object' && last !== null) ? (last as JsonObject) : {}
}

function readHandlerCall(received: readonly unknown[]): Pick<ToolCall, 'args' | 'meta' | 'asTask'> {
  const context = contextOf(received)
  const meta = context._meta ?? objectAt(context, 'mcpReq')._meta
  const args = received.length > 1 && isObject(received[0]) ? received[0] : undefined
  return { args, meta: isObject(meta) ? meta : undefined, asTask: false }
}

function signalOf(received: readonly unknown[]): AbortSignal | undefined {
  const context = contextOf(received)
  const signal = context.signal ?? objectAt(context, 'mcpReq').signal
  return signal instanceof AbortSignal ? signal : undefined
}
