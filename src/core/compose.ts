import { BudgetError, describeValue } from './errors.js'
import { Engine } from './engine.js'
import { isObject } from './json.js'
import { misconfigured } from './settings.js'
import { runCall } from './run-call.js'
import { systemClock, type Clock } from './clock.js'
import type { CallMiddleware, Ordered } from './middleware.js'
import type { CallOutcome } from './outcome.js'
import type { MaybePromise } from './maybe-promise.js'
import { newCall, type CallInput, type ToolCall } from './call.js'

/**
 * Steps in one piece: what a seat is given, or what runs a call directly, without any MCP. Passing a meter to a seat
 * is the same as passing its steps.
 */
export interface Meter extends CallMiddleware {
  readonly steps: readonly CallMiddleware[]
  /**
   * Runs one call: enters the steps, calls `forward` at most once, leaves the steps. Never throws for what `forward`
   * throws: that is the outcome `error` with `thrown`.
   *
   * @param forward does the work; answers with a tool result
   * @throws BudgetError `invalid_request` for a call without a tool, or with `arguments`; `invalid_config` where
   * `forward` is no function
   * @example
   * ```ts
   * const meter = compose(withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget: 'agent-1' }))
   * const outcome = await meter.run({ tool: 'search', args: { q: 'x' } }, (call) => search(call.args))
   * if (outcome.kind === 'refused') console.log(outcome.refusal.error)
   * ```
   */
  run(call: CallInput, forward: (call: ToolCall) => MaybePromise<unknown>): MaybePromise<CallOutcome>
}

/**
 * Composes steps; the first listed is outermost: entered first, left last. A step before what it needs is a compile
 * error, and `wrong_order` when it runs.
 *
 * @throws BudgetError `wrong_order`, or `invalid_config` for something that is no step
 * @example
 * ```ts
 * const meter = compose(withLedger({ ledger }), withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget }))
 * ```
 */
export function compose<List extends readonly CallMiddleware[]>(...steps: List & Ordered<List>): Meter {
  return composeWith(systemClock, steps)
}

/** As {@link compose}, with a clock: for tests, where time is virtual. */
export function composeWith(clock: Clock, steps: readonly CallMiddleware[]): Meter {
  const flat = flattenSteps(steps)
  const engine = new Engine(flat, clock)
  return {
    name: 'meter',
    steps: flat,
    run(input, forward) {
      if (typeof forward !== 'function') throw misconfigured('forward', 'a function that does the work', forward)
      return runCall(engine, toCall(input, clock), forward)
    },
  }
}

/** What a step has beside its name: at least one of these. */
const PARTS = [
  'admit',
  'enter',
  'leave',
  'extend',
  'observe',
  'task',
  'screens',
  'listTools',
  'methods',
  'needs',
  'gives',
  'steps',
]

/** Where our own steps get what they need, for the message. */
const givers: Readonly<Record<string, string>> = {
  cost: ', such as `withCostProfile`',
  principal: ', such as `withDelegation`, or set `budget`',
}

/** Whether something is meant as a step, and not as settings with a name. */
export function isStep(value: unknown): boolean {
  return isObject(value) && 'name' in value && PARTS.some((part) => part in value)
}

/** Whether all steps that touch money only watch: then nothing is refused for it, and no message changed. */
export function onlyWatches(steps: readonly CallMiddleware[]): boolean {
  const watching = steps.map((step) => step.shadow).filter((shadow) => shadow !== undefined)
  return watching.length > 0 && watching.every((shadow) => shadow)
}

/** The steps of a list, meters opened, checked for order; in shadow mode as they are there. */
export function flattenSteps(steps: readonly CallMiddleware[]): readonly CallMiddleware[] {
  const listed = steps.flatMap((step) => {
    if (!isObject(step) || typeof step.name !== 'string') {
      throw misconfigured('steps', 'steps such as withBudget({ … })', step)
    }
    return 'steps' in step ? (step as unknown as Meter).steps : [step]
  })
  const flat = onlyWatches(listed) ? listed.map((step) => step.inShadow?.() ?? step) : listed
  const given = new Set<string>()
  const used = new Map<string, string>()
  for (const step of flat) {
    const missing = step.needs?.find((need) => !given.has(need))
    if (missing !== undefined) {
      throw new BudgetError({
        code: 'wrong_order',
        message: `Step \`${step.name}\` needs \`${missing}\`; put the step that gives it first${givers[missing] ?? ''}`,
      })
    }
    const late = step.gives?.find((give) => used.has(give))
    if (late !== undefined) {
      throw new BudgetError({
        code: 'wrong_order',
        message: `Step \`${used.get(late)}\` uses \`${late}\`, which \`${step.name}\` gives; put \`${step.name}\` first`,
      })
    }
    for (const give of step.gives ?? []) given.add(give)
    for (const use of step.uses ?? []) used.set(use, step.name)
  }
  return flat
}

function toCall(input: CallInput, clock: Clock): ToolCall {
  if (typeof input.tool !== 'string' || input.tool === '') {
    throw new BudgetError({
      code: 'invalid_request',
      message: `Expected \`tool\` to be a name, got ${describeValue(input.tool)}`,
    })
  }
  if ('arguments' in input) {
    throw new BudgetError({ code: 'invalid_request', message: 'Expected arguments in `args`, got `arguments`' })
  }
  return newCall(input, clock.now())
}
