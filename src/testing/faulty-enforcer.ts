import { BudgetError } from '../core/errors.js'
import { intercept, type Verb } from './verbs.js'
import { isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { Random } from './random.js'
import { systemClock, type Clock } from '../core/clock.js'
import type { BudgetEnforcer, HoldingEnforcer } from '../budget/enforcer.js'

/**
 * What goes wrong with one request to a store.
 *
 * - `throw`: it fails before the store acts
 * - `lose`: the store acts, and the answer is lost: the caller gets an error
 * - `drop`: it never arrives, and nobody says so
 * - `hang`: the store acts, and no answer ever comes
 * - `duplicate`: it arrives twice
 * - `late`: the store acts at once, and the answer comes so many milliseconds later
 * - `delay`: it arrives so many milliseconds later
 * - `nonsense`: the store acts, and this is the answer
 */
export type EnforcerFault =
  | 'throw'
  | 'lose'
  | 'drop'
  | 'hang'
  | 'duplicate'
  | { readonly late: number }
  | { readonly delay: number }
  | { readonly nonsense: unknown }

/** Which requests go wrong: by verb and number, the first call of a verb being 1; or by a function of them. */
export type EnforcerFaults =
  | { readonly [V in Verb]?: Readonly<Record<number, EnforcerFault>> }
  | ((verb: Verb, nth: number) => EnforcerFault | undefined)

/**
 * An enforcer whose requests go wrong as planned: what a store on a network does to those who call it. What is thrown
 * is a BudgetError `injected_fault`.
 *
 * @param clock what `late` and `delay` wait on
 * @example
 * ```ts
 * const enforcer = faultyEnforcer(new InMemoryBudgetEnforcer(), { hold: { 1: 'lose' }, capture: { 2: { late: 500 } } })
 * const down = faultyEnforcer(inner, () => 'throw')
 * ```
 */
export function faultyEnforcer(inner: HoldingEnforcer, faults: EnforcerFaults, clock?: Clock): HoldingEnforcer
export function faultyEnforcer(inner: BudgetEnforcer, faults: EnforcerFaults, clock?: Clock): BudgetEnforcer
export function faultyEnforcer(inner: BudgetEnforcer, faults: EnforcerFaults, clock: Clock = systemClock) {
  const counts = new Map<Verb, number>()
  return intercept(inner, ({ verb }, run) => {
    const nth = (counts.get(verb) ?? 0) + 1
    counts.set(verb, nth)
    const fault = typeof faults === 'function' ? faults(verb, nth) : faults[verb]?.[nth]
    return fault === undefined ? run() : suffer(fault, run, clock)
  })
}

/**
 * A plan in which `rate` of all requests go wrong, in a way that the seed picks from `faults`.
 *
 * @example
 * ```ts
 * const faults = randomFaults({ seed: 7, rate: 0.1, faults: ['throw', 'lose', { late: 500 }] })
 * const enforcer = faultyEnforcer(inner, faults, clock)
 * ```
 */
export function randomFaults(options: {
  readonly seed: number
  readonly rate: number
  readonly faults: readonly EnforcerFault[]
}): (verb: Verb, nth: number) => EnforcerFault | undefined {
  const random = new Random(options.seed)
  return () => (random.chance(options.rate) ? random.pick(options.faults) : undefined)
}

function suffer(fault: EnforcerFault, run: () => MaybePromise<unknown>, clock: Clock): MaybePromise<unknown> {
  const never = new Promise(() => {})
  switch (fault) {
    case 'throw':
      throw injected('the request failed')
    case 'drop':
      return never
    case 'lose':
      return after(run(), () => {
        throw injected('the answer was lost')
      })
    case 'hang':
      return after(run(), () => never)
    case 'duplicate':
      return after(run(), run)
  }
  if ('nonsense' in fault) return after(run(), () => fault.nonsense)
  if ('late' in fault) {
    const answer = run()
    // Who waits learns of a failure then, and nobody else before.
    if (isPromise(answer)) answer.then(undefined, () => {})
    return wait(clock, fault.late).then(() => answer)
  }
  return wait(clock, fault.delay).then(run)
}

function after(answer: MaybePromise<unknown>, next: () => MaybePromise<unknown>): MaybePromise<unknown> {
  return isPromise(answer) ? answer.then(next) : next()
}

function wait(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve))
}

function injected(what: string): BudgetError {
  return new BudgetError({ code: 'injected_fault', message: `Injected fault: ${what}` })
}
