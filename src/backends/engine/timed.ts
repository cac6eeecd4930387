/** Something with a deadline, linked into a slot of a wheel, where there is one. Its own while `slot` is −1. */
export interface Timed {
  /** Milliseconds on the store's clock. */
  deadline: number
  slot: number
  next: Timed | undefined
  previous: Timed | undefined
}
