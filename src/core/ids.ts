/**
 * Names one charge through holds, money entries, call records and events: `<time>-<process>-<count>`, all base 36.
 * Minted here and never taken from a JSON-RPC id, which a client picks and starts again at 0 in each session. The
 * time lets a store tell a charge it has forgotten from one it has never seen.
 */
export type ChargeId = string

const CHARGE_ID = /^([0-9a-z]{8,9})-[0-9a-z]{4,40}-[0-9a-z]{1,11}$/

let nonce = ''
let count = 0
let prefix = ''
let prefixTime = -1

/** Mints a charge id that no other process mints. */
export function mintChargeId(now: number): ChargeId {
  // Writing the time costs more than all the rest, and calls come many to a millisecond.
  if (now !== prefixTime) {
    // With the first charge and not with the import, which it would make a fifth slower.
    nonce ||= globalThis.crypto.getRandomValues(new Uint32Array(4)).join('')
    prefixTime = now
    prefix = `${now.toString(36)}-${nonce}-`
  }
  return prefix + (count++).toString(36)
}

/** When a charge id was minted, in milliseconds since 1970; `undefined` when it is none of ours. */
export function chargeIdTime(id: string): number | undefined {
  const [, time] = CHARGE_ID.exec(id) ?? []
  return time === undefined ? undefined : Number.parseInt(time, 36)
}
