import { BudgetError, describeValue } from '../core/errors.js'
import { decimalToCredits, isCredits, type Credits } from '../core/credits.js'
import { isPromise } from '../core/maybe-promise.js'
import { compilePointer, ownProperty } from './json-pointer.js'
import { holdOf, outcomePrice, type Others } from './outcome-price.js'
import { kindOf } from './kind-of.js'
import { assertKeys, misconfigured, optionalCredits, optionalText } from '../core/settings.js'
import type { BudgetEvents } from '../core/events.js'
import type { CallOutcome } from '../core/outcome.js'
import type { JsonObject } from '../core/json.js'
import type { Price, PriceCharge, PriceSource } from '../core/price.js'
import type { ToolCall } from '../core/call.js'

/** Reads what a result says it cost: an amount, or in words what is wrong with the report. Never throws. */
export type Meter = (result: JsonObject) => Credits | string

/** @throws BudgetError `invalid_config`, `invalid_credits` */
export function compileMeter(metering: unknown, creditsPerUnit: unknown, path: string): Meter {
  const read = compileReader(metering, `${path}.metered`)
  const perUnit = optionalCredits(creditsPerUnit, `${path}.creditsPerUnit`)
  if (perUnit === 0) {
    throw misconfigured(`${path}.creditsPerUnit`, 'an integer from 1 up, or every call would be free', '`0`')
  }
  return (result) => {
    let value: unknown
    try {
      value = read(result)
      // A report that comes later is none; its failure must not end the process.
      if (isPromise(value)) Promise.resolve(value).catch(() => {})
    } catch {
      return 'reading it threw'
    }
    const amount = perUnit === undefined ? value : decimalToCredits(value, perUnit)
    return isCredits(amount) ? amount + 0 : kindOf(value)
  }
}

/** What is needed to price metered calls of one rule. */
export interface MeteredTerms {
  readonly source: PriceSource
  readonly others: Others
  readonly meter: Meter
  readonly path: string
  readonly events: BudgetEvents | undefined
}

/** The price of one metered call: `max` is held, and the result says what it cost. */
export function meteredPrice(terms: MeteredTerms, call: ToolCall, max: Credits): Price {
  const { others, source, meter } = terms
  // What is charged where there is no report to go by: the whole hold, but for what the rule says of other ends.
  const unreported = outcomePrice(source, holdOf(max, others), others)
  let complained = false
  return Object.freeze({
    ...unreported,
    charge(outcome: CallOutcome): PriceCharge {
      // An error carries no result: there is nothing to read, and nothing to complain of.
      if (outcome.kind !== 'result' || (outcome.proves === 'failed' && others.failed !== undefined))
        return unreported.charge(outcome)
      const report = meter(outcome.result)
      if (typeof report === 'number') return { amount: report, reported: report }
      if (!complained) complain(terms, call, unreported.cost, report)
      complained = true
      return { amount: unreported.cost }
    },
  })
}

function complain(terms: MeteredTerms, call: ToolCall, cost: Credits, wrong: string): void {
  const error = new BudgetError({
    code: 'invalid_credits',
    message: `Expected tool '${call.tool}' to report what call ${call.id} cost, got ${wrong}; all ${cost} credits of the hold are charged`,
  })
  try {
    terms.events?.emit('fault', { where: `price ${terms.path}`, error })
  } catch {
    // A charge is computed whatever becomes of the news.
  }
}

function compileReader(metering: unknown, path: string): (result: JsonObject) => unknown {
  assertKeys(metering, ['meta', 'pointer', 'from'], path)
  const { meta, pointer, from } = metering as { meta?: unknown; pointer?: unknown; from?: unknown }
  const key = optionalText(meta, `${path}.meta`)
  const follow = pointer === undefined ? undefined : compilePointer(pointer, `${path}.pointer`)
  const placed = key !== undefined || follow !== undefined
  if (placed === (from !== undefined)) {
    throw misconfigured(
      path,
      'an object with `meta`, `pointer` or both, or with `from`',
      placed ? 'all' : 'none of them',
    )
  }
  if (from === undefined) {
    return (result) => {
      const place = key === undefined ? result : ownProperty(ownProperty(result, '_meta'), key)
      return follow === undefined ? place : follow(place)
    }
  }
  if (typeof from !== 'function') throw misconfigured(`${path}.from`, 'a function of the result', describeValue(from))
  return from as (result: JsonObject) => unknown
}
