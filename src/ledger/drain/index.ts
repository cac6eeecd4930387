export {
  drainLedger,
  type Book,
  type DrainBatch,
  type DrainGap,
  type DrainOptions,
  type DrainPlace,
  type DrainSink,
} from './drain-ledger.js'
export { jsonlSink } from './jsonl-sink.js'
export { readDrained, type DrainedRecord } from './jsonl-file.js'
