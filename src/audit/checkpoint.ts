import { canonicalJson, isObject } from '../core/json.js'
import { hashText, sha256 } from './chain.js'
import { isCount } from '../core/settings.js'
import type { ChainName } from '../ledger/seal.js'
import type { MaybePromise } from '../core/maybe-promise.js'
import type { PublicKey, SigningKey } from './keys.js'

const DOMAIN = 'mcp-budget-checkpoint-v1\n'

/**
 * What a chain was at a time, signed, for a place that the writers of the store cannot reach.
 *
 * @property store which store it is of, as the sealer's owner named it
 * @property seq the number of the last record it covers, and `hash` that record's hash
 * @property at milliseconds since 1970
 * @property previous the hash of the checkpoint before it in the same sink, of the same chain; `null` for the first
 * @property key the id of the key that signed it
 * @property signature Ed25519, base64url
 */
export interface Checkpoint extends ChainName {
  readonly v: 1
  readonly store: string
  readonly seq: number
  readonly hash: string
  readonly at: number
  readonly previous: string | null
  readonly key: string
  readonly signature: string
}

/**
 * A place for checkpoints, outside of the store. It may throw or reject: the same checkpoint then comes again, until it
 * is taken. It may so be there twice, which does no harm.
 */
export interface CheckpointSink {
  write(checkpoint: Checkpoint): MaybePromise<void>
  /** The last checkpoint of a chain that was taken. Without it, a sealer that starts begins a new row of them. */
  last?(of: ChainName): MaybePromise<Checkpoint | undefined>
}

/** Signs what a chain is. */
export function signCheckpoint(body: Omit<Checkpoint, 'v' | 'key' | 'signature'>, key: SigningKey): Checkpoint {
  const unsigned = { v: 1, ...body, key: key.id } as const
  return { ...unsigned, signature: key.sign(bytesOf(unsigned)).toString('base64url') }
}

/** Whether the key signed it. */
export function isSignedBy(checkpoint: Checkpoint, key: PublicKey): boolean {
  return key.verifies(bytesOf(checkpoint), Buffer.from(checkpoint.signature, 'base64url'))
}

/** What the next checkpoint calls this one: the SHA-256 of what was signed, 43 characters. */
export function checkpointHash(checkpoint: Checkpoint): string {
  return hashText(sha256(bytesOf(checkpoint)))
}

/** Whether a value has the fields of a checkpoint, and no others. */
export function isCheckpoint(value: unknown): value is Checkpoint {
  if (!isObject(value) || Object.keys(value).length !== 10) return false
  const { v, kind, seq, at, previous, store, partition, hash, key, signature } = value
  return (
    v === 1 &&
    (kind === 'money' || kind === 'call') &&
    isCount(seq, 1) &&
    isCount(at, 0) &&
    (previous === null || typeof previous === 'string') &&
    [store, partition, hash, key, signature].every((text) => typeof text === 'string')
  )
}

// What is signed is all but the signature.
function bytesOf(checkpoint: Omit<Checkpoint, 'signature'> & Partial<Checkpoint>): Buffer {
  return Buffer.from(DOMAIN + canonicalJson({ ...checkpoint, signature: undefined }))
}
