/**
 * The rules that a simulated history may break.
 *
 * - `I1`: `in + debt = available + held + spent + out + burned` for each budget
 * - `I2`: nothing is negative, and no more is executed, or put aside, than there is
 * - `I3`: no more is charged than was executed, or than policy charges for what nobody knows
 * - `I4`: a hold ends once, and what is held belongs to open holds
 * - `I5`: the same request gets the same answer
 * - `I7`: a known spend is never dropped
 * - `I10`: credits come in once for each grant
 * - `I13`: the ledger alone gives the balances, without gaps
 * - `R2`: when all is quiet nothing is stuck
 * - `answer`: any other answer than the contract's
 * - `fault`: a throw
 */
export type BrokenRule = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I7' | 'I10' | 'I13' | 'R2' | 'answer' | 'fault'

/** A rule that a history broke. */
export class Violation extends Error {
  readonly rule: BrokenRule

  constructor(rule: BrokenRule, message: string) {
    super(message)
    this.name = 'Violation'
    this.rule = rule
  }
}

/** Ends the history unless `holds`. */
export function insist(holds: boolean, rule: BrokenRule, message: () => string): void {
  if (!holds) throw new Violation(rule, message())
}
