/** How a command ends, as the shell sees it. The numbers are part of the interface, and never change. */
export const EXIT = {
  /** It did what was asked, and what was checked is sound. */
  ok: 0,
  /** It could not be done: refused by the store, out of reach, a file that cannot be read. */
  failed: 1,
  /** The command line itself is wrong. Nothing was tried. */
  usage: 2,
  /** `ledger verify`: a record was changed, removed, added or moved. */
  broken: 3,
  /** `ledger verify`: records are missing at the end. */
  truncated: 4,
  /** `ledger verify`: balances do not add up. */
  equation: 5,
  /** `token inspect`: the key does not prove the token. */
  unproved: 6,
  /** `ledger verify`: a checkpoint cannot be believed. */
  checkpoint: 7,
  /** Ended by Ctrl-C. */
  interrupted: 130,
  /** Whoever read the output has gone. */
  closedPipe: 141,
  /** Ended by SIGTERM. */
  terminated: 143,
} as const

/** One of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
