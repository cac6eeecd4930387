/**
 * Why a store says no, in order of precedence: where two apply, the first is given.
 *
 * - `id_reused`: the request's id was used with another payload
 * - `unknown_hold`, `hold_ended`: the hold is not there, or something else ended it
 * - `lease_forfeited`, `lease_open`: the lease's time was up, or is not up yet
 * - `round_used`: the hold's call went on with that round before
 * - `cross_partition`: the budgets cannot be judged in one atomic step
 * - `clock_skew`: the store's clock is in none of the windows it was sent
 * - `unknown_budget`: no such budget, or it is not registered at the prefix of the token
 * - `not_descendant`: the token's budget is not above it
 * - `closed`: it takes no more calls
 * - `windowed`: a budget with windows has no children, and one with children no windows
 * - `revoked`: the token, or a prefix of it, was revoked
 * - `depth_exceeded`, `children_exceeded`, `amount_exceeded`: the budget may not delegate so deep, so often, so much; or
 *   a lease had less
 * - `ceiling`, `rate`: a caveat's counter is used up
 * - `full`: the store can count, or ban, no more prefixes of this budget
 * - `exhausted`, `insufficient`: nothing is left, or less than the amount
 * - `overflow`: a balance would leave 2^53−1
 */
export type EnforcerReason =
  | 'id_reused'
  | 'unknown_hold'
  | 'hold_ended'
  | 'lease_forfeited'
  | 'lease_open'
  | 'round_used'
  | 'cross_partition'
  | 'clock_skew'
  | 'unknown_budget'
  | 'not_descendant'
  | 'closed'
  | 'windowed'
  | 'revoked'
  | 'depth_exceeded'
  | 'children_exceeded'
  | 'amount_exceeded'
  | 'ceiling'
  | 'rate'
  | 'full'
  | 'exhausted'
  | 'insufficient'
  | 'overflow'
