import { jsonDigest, keyedDigest } from '../core/digest.js'
import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { misconfigured } from '../core/settings.js'
import { PresentedAuth } from '../core/auth.js'
import type { EarlierLeg, ToolCall } from '../core/call.js'

/** A key for sealing: at least 32 random bytes, or text of as many. */
export type SealKey = Uint8Array | string

/** What a state says once its seal is found whole. `original` is the server's own state, if it sent one. */
export interface Unsealed extends EarlierLeg {
  readonly expiresAt: number
  readonly digest: string
  readonly original: string | undefined
}

const LEAST_KEY_BYTES = 32
const FIELDS = /^([0-9a-f]{64})\.([0-9a-z-]+)\.([0-9]+)\.([0-9]+)\.([0-9a-f]{64})\.(=?)/

/**
 * Seals the `requestState` of a call that asks for input (2026-07-28), so that a client can bring it back but neither
 * make one up nor move it to another call: HMAC-SHA256 over the call's charge id, its round, its digest, an expiry, the
 * server's name and the server's own state, which stays readable.
 */
export class Seal {
  /** Begins each state, so that one of somebody else's is told from one that was forged. */
  readonly #prefix: string
  readonly #server: string
  readonly #keys: readonly Uint8Array[]

  /** @param keys the first seals, all of them open; a random one of this process where there are none */
  constructor(prefix: string, server: string | undefined, keys: readonly Uint8Array[]) {
    this.#prefix = prefix
    this.#server = server ?? ''
    this.#keys = keys
  }

  /** Whether a state looks like one of ours. */
  owns(state: unknown): state is string {
    return typeof state === 'string' && state.startsWith(this.#prefix)
  }

  /** @throws BudgetError where the call's arguments are no JSON, or beyond the limits */
  seal(call: ToolCall, round: number, expiresAt: number, original: string | undefined): MaybePromise<string> {
    return andThen(boundTo(call), (digest) => {
      const body = `${call.id}.${round}.${expiresAt}.${digest}.${original === undefined ? '' : `=${original}`}`
      return andThen(this.#mac(this.#keys[0] as Uint8Array, body), (mac) => `${this.#prefix}${mac}.${body}`)
    })
  }

  /** What a state says, or `undefined` when none of the keys made it. */
  open(state: string): MaybePromise<Unsealed | undefined> {
    const text = state.slice(this.#prefix.length)
    const [fields, mac, id, round, expiresAt, digest, mark] = FIELDS.exec(text) ?? []
    if (fields === undefined || id === undefined || digest === undefined) return undefined
    const rest = text.slice(fields.length)
    if (mark === '' && rest !== '') return undefined
    const original = mark === '' ? undefined : rest
    const body = text.slice(mac === undefined ? 0 : mac.length + 1)
    return andThen(this.#made(mac ?? '', body, 0), (made) =>
      made ? { id, round: Number(round), expiresAt: Number(expiresAt), digest, original } : undefined,
    )
  }

  #made(mac: string, body: string, from: number): MaybePromise<boolean> {
    const key = this.#keys[from]
    if (key === undefined) return false
    return andThen(this.#mac(key, body), (wanted) => isSame(mac, wanted) || this.#made(mac, body, from + 1))
  }

  #mac(key: Uint8Array, body: string): MaybePromise<string> {
    // The name's length first, so that no name can run into the body.
    const { length } = this.#server
    return keyedDigest(key, `${this.#prefix}${length}.${this.#server}.${body}`)
  }
}

/** Keys as they are used. @throws BudgetError `invalid_config` */
export function sealKeys(keys: readonly SealKey[]): readonly Uint8Array[] {
  const given: unknown = keys
  if (!Array.isArray(given) || given.length === 0) throw misconfigured('sealKeys', 'a list of at least one key', given)
  return given.map((key: unknown, i) => {
    const bytes = typeof key === 'string' ? new TextEncoder().encode(key) : key
    if (bytes instanceof Uint8Array && bytes.length >= LEAST_KEY_BYTES) return bytes.slice()
    // Its length and no more: it is a secret.
    const got = bytes instanceof Uint8Array ? `${bytes.length} bytes` : typeof key
    throw misconfigured(`sealKeys[${i}]`, `at least ${LEAST_KEY_BYTES} bytes`, undefined, got)
  })
}

let own: readonly Uint8Array[] | undefined

/** This process's own key: what it sealed, no other process opens. */
export function processKeys(): readonly Uint8Array[] {
  return (own ??= [globalThis.crypto.getRandomValues(new Uint8Array(LEAST_KEY_BYTES))])
}

// In a time that tells nothing of where they differ.
function isSame(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < b.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0
}

/**
 * What a state is bound to, as 64 hex digits: the tool, its arguments, and the token that came with them. So nobody goes
 * on with the call of another token.
 *
 * @throws BudgetError where the call's arguments are no JSON, or beyond the limits
 */
export function boundTo(call: ToolCall): MaybePromise<string> {
  const [token] = PresentedAuth.credentialsOf(call).tokens
  return jsonDigest({ name: call.tool, arguments: call.args ?? {}, token: token?.text })
}
