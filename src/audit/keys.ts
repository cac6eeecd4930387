import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto'
import { misconfigured } from '../core/settings.js'
import { sha256 } from './chain.js'

/** What signs checkpoints: an Ed25519 key. Keep it where the store's writers cannot read it. */
export interface SigningKey {
  /** Says which public key verifies: 22 characters. */
  readonly id: string
  /** Signs bytes: 64 bytes. */
  sign(data: Uint8Array): Buffer
}

/** What verifies checkpoints. */
export interface PublicKey {
  readonly id: string
  /** Whether the key of this id made the signature of these bytes. */
  verifies(data: Uint8Array, signature: Uint8Array): boolean
}

/** A key pair as PEM text: PKCS #8 and SPKI. */
export interface KeyPair {
  readonly id: string
  readonly privatePem: string
  readonly publicPem: string
}

/**
 * Makes an Ed25519 key pair.
 *
 * @example
 * ```ts
 * const { privatePem, publicPem } = generateKeys()
 * writeFileSync('sealer.pem', privatePem, { mode: 0o600 })
 * ```
 */
export function generateKeys(): KeyPair {
  const { privateKey, publicKey: open } = generateKeyPairSync('ed25519')
  const privatePem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  const publicPem = open.export({ format: 'pem', type: 'spki' }).toString()
  return { id: idOf(open), privatePem, publicPem }
}

/** A key to sign with, from PEM text. @throws BudgetError `invalid_config` for what is no private Ed25519 key */
export function signingKey(pem: string): SigningKey {
  const key = read(pem, 'a private Ed25519 key as PEM', createPrivateKey)
  return { id: idOf(createPublicKey(key)), sign: (data) => sign(null, data, key) }
}

/** A key to verify with, from PEM text. @throws BudgetError `invalid_config` for what is no public Ed25519 key */
export function publicKey(pem: string): PublicKey {
  // A private key would do, and then be where only its public half belongs.
  const expected = 'a public Ed25519 key as PEM'
  if (typeof pem === 'string' && pem.includes('PRIVATE')) throw misconfigured('pem', expected, pem, 'a private key')
  const key = read(pem, expected, createPublicKey)
  return { id: idOf(key), verifies: (data, signature) => verify(null, data, key, signature) }
}

// What was given is never shown: it may be a private key.
function read(pem: string, expected: string, make: (pem: string) => KeyObject): KeyObject {
  let key: KeyObject | undefined
  try {
    if (typeof pem === 'string') key = make(pem)
  } catch {
    // Said below.
  }
  if (key?.asymmetricKeyType === 'ed25519') return key
  throw misconfigured('pem', expected, undefined, 'something else')
}

/** The first 22 characters of the SHA-256 of the key's SPKI form, as base64url. */
function idOf(key: KeyObject): string {
  return sha256(key.export({ format: 'der', type: 'spki' }))
    .toString('base64url')
    .slice(0, 22)
}
