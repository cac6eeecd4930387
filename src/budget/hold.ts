import { MAX_CREDITS, type Credits } from '../core/credits.js'

/** A hold is open until exactly one of the others ends it. */
export type HoldState = 'open' | 'captured' | 'released' | 'expired'

/** What may happen to the charge when a hold's time is up: it is made, or given up. */
export type OnExpire = 'capture' | 'release'

/** What happens when a captured amount is more than was held: charge the hold, or let the rest become debt. */
export type Overage = 'cap' | 'debt'

/** One budget's balances. For each: `in + debt = available + held + spent + out + burned`, and none is negative. */
export interface Balance {
  /** What can be held or spent now. */
  available: Credits
  /** Put aside by open holds. */
  held: Credits
  /** Charged for good. */
  spent: Credits
  /** Owed: what was let through beyond the balance. The next credits that come in repay it first. */
  debt: Credits
  /** All credits that ever came in: granted, or moved here from another budget. */
  in: Credits
  /** All credits that were moved to other budgets. */
  out: Credits
  /** Credits taken out of circulation. */
  burned: Credits
}

/** What a step changes on one balance; each number is signed. The change of a step is exactly what the ledger says. */
export type BalanceChange = Readonly<Balance>

/** A change of nothing. */
export const NO_CHANGE: BalanceChange = { available: 0, held: 0, spent: 0, debt: 0, in: 0, out: 0, burned: 0 }

/** An event in the life of a hold. */
export type HoldEvent =
  | { readonly kind: 'capture'; readonly amount: Credits; readonly overage: Overage }
  | { readonly kind: 'release' }
  | { readonly kind: 'expire'; readonly onExpire: OnExpire }

/** What an event does to an open hold; pure. `charged` moves to spent, `returned` back to available. */
export type HoldEnd =
  | {
      readonly kind: 'ended'
      readonly state: Exclude<HoldState, 'open'>
      /** Out of the hold. */
      readonly charged: Credits
      /** Back to where it came from. */
      readonly returned: Credits
      /** Beyond the hold, under `overage: 'debt'`: from what is available, the rest becomes debt. */
      readonly beyond: Credits
    }
  | { readonly kind: 'refused'; readonly reason: 'hold_ended' }

/**
 * The state machine of a hold: which end an event brings, if any. A hold ends once; whatever comes later is refused,
 * whoever sends it. Every store and the simulator follow this one function.
 *
 * @param state where the hold is
 * @param amount what the hold put aside
 * @example endHold('open', 10, { kind: 'capture', amount: 7, overage: 'cap' }) // charged 7, returned 3
 */
export function endHold(state: HoldState, amount: Credits, event: HoldEvent): HoldEnd {
  if (state !== 'open') return { kind: 'refused', reason: 'hold_ended' }
  switch (event.kind) {
    case 'capture': {
      const charged = Math.min(event.amount, amount)
      const beyond = event.overage === 'debt' ? event.amount - charged : 0
      return { kind: 'ended', state: 'captured', charged, returned: amount - charged, beyond }
    }
    case 'release':
      return { kind: 'ended', state: 'released', charged: 0, returned: amount, beyond: 0 }
    case 'expire': {
      const charged = event.onExpire === 'capture' ? amount : 0
      return { kind: 'ended', state: 'expired', charged, returned: amount - charged, beyond: 0 }
    }
  }
}

/** The change that puts `amount` aside; what is not there becomes debt, which the caller must have allowed. */
export function holdChange(balance: Readonly<Balance>, amount: Credits): BalanceChange {
  const paid = Math.min(amount, balance.available)
  return { ...NO_CHANGE, available: 0 - paid, held: amount, debt: amount - paid }
}

/** The change that ends a hold of `charged + returned`; what returns repays debt first. */
export function endChange(balance: Readonly<Balance>, end: Extract<HoldEnd, { kind: 'ended' }>): BalanceChange {
  const repaid = Math.min(end.returned, balance.debt)
  const back = end.returned - repaid
  const fromAvailable = Math.min(end.beyond, balance.available + back)
  return {
    ...NO_CHANGE,
    available: back - fromAvailable,
    held: 0 - end.charged - end.returned,
    spent: end.charged + end.beyond,
    debt: end.beyond - fromAvailable - repaid,
  }
}

/**
 * The change that ends a hold whose window is over: what returns is burned, and what was charged beyond the hold is
 * made good by whoever opens windows, for neither the old window nor the new one can owe it.
 */
export function endChangeOfPastWindow(end: Extract<HoldEnd, { kind: 'ended' }>): BalanceChange {
  return {
    ...NO_CHANGE,
    held: 0 - end.charged - end.returned,
    spent: end.charged + end.beyond,
    burned: end.returned,
    in: end.beyond,
  }
}

/** The change that opens a budget's next window with `allotment`: the old remainder is burned, the old debt made good. */
export function windowChange(balance: Readonly<Balance>, allotment: Credits): BalanceChange {
  return {
    ...NO_CHANGE,
    available: allotment - balance.available,
    burned: balance.available,
    debt: 0 - balance.debt,
    in: allotment + balance.debt,
  }
}

/** A charge without a hold, as an end: all of it is beyond what was held. */
export function unheld(amount: Credits): Extract<HoldEnd, { kind: 'ended' }> {
  return { kind: 'ended', state: 'captured', charged: 0, returned: 0, beyond: amount }
}

/** The change of a charge without a hold; what is not there becomes debt, which the caller must have allowed. */
export function spendChange(balance: Readonly<Balance>, amount: Credits): BalanceChange {
  return endChange(balance, unheld(amount))
}

/** The change when what was charged for a lease comes back: debt is repaid first. */
export function reconcileChange(balance: Readonly<Balance>, returned: Credits): BalanceChange {
  const repaid = Math.min(returned, balance.debt)
  return { ...NO_CHANGE, spent: 0 - returned, debt: 0 - repaid, available: returned - repaid }
}

/** The change when credits come in: debt is repaid first. */
export function incomingChange(balance: Readonly<Balance>, amount: Credits): BalanceChange {
  const repaid = Math.min(amount, balance.debt)
  return { ...NO_CHANGE, in: amount, debt: 0 - repaid, available: amount - repaid }
}

/** The change when credits are moved away. */
export function outgoingChange(amount: Credits): BalanceChange {
  return { ...NO_CHANGE, available: 0 - amount, out: amount }
}

/** Whether a balance stays within 2^53−1 when `change` is made: in every column, for `in + debt` is the sum of the others. */
export function fits(balance: Readonly<Balance>, change: BalanceChange): boolean {
  // In two halves: the sum of all four may be rounded down to what would fit.
  return balance.in + change.in + (balance.debt + change.debt) <= MAX_CREDITS
}

/** Makes a change. After this the equation of {@link Balance} holds as it did before. */
export function applyChange(balance: Balance, change: BalanceChange): void {
  balance.available += change.available
  balance.held += change.held
  balance.spent += change.spent
  balance.debt += change.debt
  balance.in += change.in
  balance.out += change.out
  balance.burned += change.burned
}

/** Consumes a round of a hold for a request, or says why it cannot. A hold has the rounds that were consumed, in order. */
export function consumeRound(
  hold: { rounds: Map<number, string> | undefined },
  round: number,
  id: string,
): 'id_reused' | 'round_used' | undefined {
  hold.rounds ??= new Map()
  let last = 0
  for (const [used, by] of hold.rounds) {
    if (by === id) return used === round ? undefined : 'id_reused'
    last = used
  }
  if (round <= last) return 'round_used'
  hold.rounds.set(round, id)
  return undefined
}
