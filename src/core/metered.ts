import { BudgetError } from './errors.js'
import { decimalToCredits, isCredits, type Credits } from './credits.js'
import { isPromise } from './maybe-promise.js'
import { ownProperty, pointerKeys } from './json-pointer.js'
import { kindOf } from './kind-of.js'
import { assertKeys, misconfigured, optionalCredits, optionalText } from './settings.js'
import type { EventSink } from './events.js'
import type { JsonObject } from './json.js'
import type { ToolCall } from './call.js'

/** Reads what a call cost off its result; `undefined` where there is no report to trust, and then the hold is charged. */
export type Meter = (result: JsonObject, hold: Credits) => Credits | undefined

/**
 * Gives each call its meter. A meter never throws; the first time that it finds no report to trust, it says so.
 *
 * @throws BudgetError `invalid_config`, `invalid_credits`
 */
export function compileMeter(
  { metered, creditsPerUnit }: { readonly metered?: unknown; readonly creditsPerUnit?: unknown },
  path: string,
  events: EventSink,
): (call: ToolCall) => Meter {
  const read = compileReader(metered, `${path}.metered`)
  const perUnit = optionalCredits(creditsPerUnit, `${path}.creditsPerUnit`)
  // Or every call would be free.
  if (perUnit === 0) throw misconfigured(`${path}.creditsPerUnit`, 'an integer from 1 up', 0)
  return (call) => {
    let complained = false
    return (result, hold) => {
      let wrong = 'reading it threw'
      try {
        const value = read(result)
        // A report that comes later is none; its failure must not end the process.
        if (isPromise(value)) Promise.resolve(value).catch(() => {})
        const amount = perUnit === undefined ? value : decimalToCredits(value, perUnit)
        if (isCredits(amount)) return amount + 0
        wrong = kindOf(value)
      } catch {
        // Nothing of what was thrown is repeated: it may be what a tool answered.
      }
      if (complained) return undefined
      complained = true
      const error = new BudgetError({
        code: 'invalid_credits',
        message: `Expected tool '${call.tool}' to report what call ${call.id} cost, got ${wrong}; all ${hold} credits of the hold are charged`,
      })
      try {
        events.emit('fault', { where: `price ${path}`, error })
      } catch {
        // A charge is computed whatever becomes of the news.
      }
      return undefined
    }
  }
}

function compileReader(metering: unknown, path: string): (result: JsonObject) => unknown {
  assertKeys(metering, ['meta', 'pointer', 'from'], path)
  const { meta, pointer, from } = metering as { meta?: unknown; pointer?: unknown; from?: unknown }
  const key = optionalText(meta, `${path}.meta`)
  const place = [
    ...(key === undefined ? [] : ['_meta', key]),
    ...(pointer === undefined ? [] : pointerKeys(pointer, `${path}.pointer`)),
  ]
  if ((place.length === 0) === (from === undefined)) {
    const got = from === undefined ? 'none of them' : 'all'
    throw misconfigured(path, 'an object with `meta`, `pointer` or both, or with `from`', metering, got)
  }
  if (from === undefined) return (result) => place.reduce<unknown>(ownProperty, result)
  if (typeof from !== 'function') throw misconfigured(`${path}.from`, 'a function of the result', from)
  return from as (result: JsonObject) => unknown
}
