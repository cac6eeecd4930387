import { BudgetError, describeValue } from '../core/errors.js'
import { decimalToCredits, isCredits, type Credits } from '../core/credits.js'
import { isPromise } from '../core/maybe-promise.js'
import { compilePointer, ownProperty } from './json-pointer.js'
import { holdOf, type Others } from './outcome-price.js'
import { kindOf } from './kind-of.js'
import { assertKeys, credits, misconfigured, optionalText } from '../core/settings.js'
import type { BudgetEvents } from '../core/events.js'
import type { CallOutcome } from '../core/outcome.js'
import type { JsonObject } from '../core/json.js'
import type { Price, PriceCharge, PriceSource } from '../core/price.js'
import type { ToolCall } from '../core/call.js'

/** What a result says it cost: an amount, or in words what is wrong with the report. */
export type Report = { readonly amount: Credits } | { readonly wrong: string }

/** Reads the report of one result. Never throws. */
export type Meter = (result: JsonObject) => Report

/** @throws BudgetError `invalid_config`, `invalid_credits` */
export function compileMeter(metering: unknown, creditsPerUnit: unknown, path: string): Meter {
  const read = compileReader(metering, `${path}.metered`)
  const perUnit = creditsPerUnit === undefined ? undefined : unitOf(creditsPerUnit, `${path}.creditsPerUnit`)
  return (result) => {
    let value: unknown
    try {
      value = read(result)
      // A report that comes later is none; its failure must not end the process.
      if (isPromise(value)) Promise.resolve(value).catch(() => {})
    } catch {
      return { wrong: 'reading it threw' }
    }
    const amount = perUnit === undefined ? value : decimalToCredits(value, perUnit)
    return isCredits(amount) ? { amount: amount + 0 } : { wrong: kindOf(value) }
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
  const { failed, unknown } = terms.others
  const cost = holdOf(max, terms.others)
  let complained = false
  return Object.freeze({
    cost,
    source: terms.source,
    charge(outcome: CallOutcome): PriceCharge {
      if (outcome.proves === 'failed' && failed !== undefined) return { amount: failed }
      if (outcome.proves === 'unknown') return { amount: unknown ?? cost }
      // An error carries no result: there is nothing to read, and nothing to complain of.
      if (outcome.kind !== 'result') return { amount: cost }
      const report = terms.meter(outcome.result)
      if ('amount' in report) return { amount: report.amount, reported: report.amount }
      if (!complained) complain(terms, call, cost, report.wrong)
      complained = true
      return { amount: cost }
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
  if (from !== undefined) {
    if (typeof from !== 'function') throw misconfigured(`${path}.from`, 'a function of the result', describeValue(from))
    if (meta === undefined && pointer === undefined) return from as (result: JsonObject) => unknown
    throw misconfigured(path, 'either `from`, or `meta` and `pointer`', 'both')
  }
  const key = optionalText(meta, `${path}.meta`)
  const follow = pointer === undefined ? undefined : compilePointer(pointer, `${path}.pointer`)
  if (key !== undefined) {
    const ofMeta = (result: JsonObject): unknown => ownProperty(ownProperty(result, '_meta'), key)
    return follow === undefined ? ofMeta : (result) => follow(ofMeta(result))
  }
  if (follow !== undefined) return follow
  throw misconfigured(path, 'an object with `meta`, `pointer` or `from`', 'none of them')
}

function unitOf(value: unknown, path: string): Credits {
  const perUnit = credits(value, path)
  if (perUnit > 0) return perUnit
  throw misconfigured(path, 'an integer from 1 up, or every call would be free', '`0`')
}
