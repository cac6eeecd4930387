import type { CallOutcome } from '../core/outcome.js'

/** What becomes of a hold when its call ended: charged, given back, or left until its time is up. */
export type HoldFate = 'capture' | 'release' | 'keep'

/**
 * The outcome table: what an outcome proves decides what the hold does. Work that was done is paid for, work that was
 * not is not, and what nobody knows is left to the hold's deadline. In a later round of a call no outcome proves that
 * nothing ran, for the rounds before it did.
 *
 * @example fateOf({ kind: 'lost', cause: 'cancelled', proves: 'unknown' }, { onFailure: 'capture', onCancel: 'capture' }) // 'capture'
 */
export function fateOf(
  outcome: CallOutcome,
  policy: { readonly onFailure: 'capture' | 'release'; readonly onCancel: HoldFate },
  round = 0,
): HoldFate {
  switch (outcome.proves) {
    case 'not-run':
      return round > 0 ? policy.onFailure : 'release'
    case 'ran':
      return 'capture'
    case 'failed':
      return policy.onFailure
    case 'unknown':
      return outcome.kind === 'lost' && outcome.cause === 'cancelled' ? policy.onCancel : 'keep'
  }
}
