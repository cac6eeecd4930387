export { LedgerSealer } from './ledger-sealer.js'
export type { CheckpointOptions, LedgerSealerOptions } from './sealer-options.js'
export { MemorySeals } from './memory-seals.js'
export type { ChainKind, ChainName, Seal, SealStore } from '../ledger/seal.js'
export { verifyLedger, type VerifyOptions } from './verify-ledger.js'
export type { BalanceSource } from './balance-check.js'
export type {
  BookedBudget,
  BookedHold,
  BookedView,
  BookEnd,
  BookPage,
  BookPageRequest,
  StoreBooks,
} from '../ledger/books.js'
export type {
  BadCheckpoint,
  BreakReason,
  Broken,
  ChainPlace,
  CheckpointFault,
  MoneyFault,
  Truncated,
  Unbalanced,
  Verification,
  VerificationFault,
  Verified,
  WholeChain,
} from './verification.js'
export { unendedCalls } from './unended-calls.js'
export { chainRecords, type ChainRecord } from './records.js'
export { generateKeys, publicKey, signingKey, type KeyPair, type PublicKey, type SigningKey } from './keys.js'
export { checkpointHash, type Checkpoint, type CheckpointSink } from './checkpoint.js'
export { fileSink, readCheckpoints } from './file-sink.js'
