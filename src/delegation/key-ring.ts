import { crypto } from '#crypto'
import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { assertKeys, misconfigured } from '../core/settings.js'
import { BoundedMap } from './bounded-map.js'
import { bytesOf, concatBytes } from './bytes.js'
import { chainKey } from './mac-chain.js'
import { KID } from './identifier.js'

/**
 * A master key: at least 32 random bytes, such as `randomBytes(32)` of `node:crypto` gives.
 *
 * @property kid names it in tokens: 1 to 32 letters, digits, _ or -
 */
export interface MasterKey {
  readonly kid: string
  readonly key: Uint8Array
}

/** A key that mints no more, and verifies until then: milliseconds since 1970. */
export interface RetiredKey extends MasterKey {
  readonly until: number
}

/** Settings of a {@link KeyRing}. */
export interface KeyRingOptions {
  /** The key that mints. */
  readonly current: MasterKey
  /** Keys that verify what they have minted, each until its end. */
  readonly retired?: readonly RetiredKey[]
}

/** The keys of one tenant: the root key, which mints, and the key of the chain, which is made of it. */
export interface TenantKeys {
  readonly root: Uint8Array
  readonly chain: Uint8Array
}

const TENANTS = 1_000

/**
 * The master keys of one gateway. Every tenant has a root key of its own, derived from a master by HKDF-SHA256, so that
 * a token of one tenant proves nothing to another. The masters stay inside, and a ring that is printed shows no key.
 *
 * @example
 * ```ts
 * const keys = new KeyRing({ current: { kid: '2026-11', key: Buffer.from(process.env.BUDGET_KEY ?? '', 'base64') } })
 * ```
 */
export class KeyRing {
  /** The id of the key that mints. */
  readonly kid: string
  readonly #masters = new Map<string, { readonly key: Uint8Array; readonly until: number }>()
  readonly #derived = new BoundedMap<string, TenantKeys>(TENANTS)
  /** Stands in for a key that is not there, so that an unknown one takes as long as a wrong one. */
  readonly #dummy = globalThis.crypto.getRandomValues(new Uint8Array(32))

  /** @throws BudgetError `invalid_config`: a key is too short or not random, or an id is used twice */
  constructor(options: KeyRingOptions) {
    assertKeys(options, ['current', 'retired'], 'options')
    const { current, retired = [] } = options
    if (!Array.isArray(retired)) throw misconfigured('retired', 'a list of keys', retired)
    assertKeys(current, ['kid', 'key'], 'current')
    this.#add(current, 'current', Infinity)
    retired.forEach((each: RetiredKey, i) => {
      const path = `retired[${i}]`
      assertKeys(each, ['kid', 'key', 'until'], path)
      if (!Number.isSafeInteger(each.until)) throw misconfigured(`${path}.until`, 'a time in milliseconds', each.until)
      this.#add(each, path, each.until)
    })
    this.kid = current.kid
  }

  /** Whether tokens of this key count at `now`, in milliseconds since 1970. */
  accepts(kid: string, now: number): boolean {
    const { until } = this.#masters.get(kid) ?? { until: -Infinity }
    return now < until
  }

  /** The keys of a tenant under a master; made of noise where there is no such master. */
  keysOf(kid: string, tenant: string): MaybePromise<TenantKeys> {
    const name = `${kid}.${tenant}`
    const known = this.#derived.get(name)
    if (known !== undefined) return known
    const master = this.#masters.get(kid)
    return andThen(hkdfSha256(master?.key ?? this.#dummy, `tenant:${tenant}`), (root) =>
      andThen(chainKey(root), (chain) => {
        const keys = { root, chain }
        // What a stranger makes up is not kept.
        if (master !== undefined) this.#derived.set(name, keys)
        return keys
      }),
    )
  }

  #add({ kid, key }: MasterKey, path: string, until: number): void {
    if (typeof kid !== 'string' || !KID.test(kid)) {
      throw misconfigured(`${path}.kid`, '1 to 32 letters, digits, _ or -', kid)
    }
    if (this.#masters.has(kid)) throw misconfigured(`${path}.kid`, 'an id of its own', kid)
    const fault = faultOf(key)
    if (fault !== undefined) throw misconfigured(`${path}.key`, 'at least 32 random bytes', key, fault)
    this.#masters.set(kid, { key: Uint8Array.from(key), until })
  }
}

/** HKDF-SHA256 (RFC 5869) without salt: one block of 32 bytes, bound to `info`. */
export function hkdfSha256(secret: Uint8Array, info: string): MaybePromise<Uint8Array> {
  const message = concatBytes(bytesOf(info), Uint8Array.of(1))
  return andThen(crypto.hmacSha256(new Uint8Array(32), secret), (extracted) => crypto.hmacSha256(extracted, message))
}

/** What is wrong with a key; never the key itself. */
function faultOf(key: unknown): string | undefined {
  if (!(key instanceof Uint8Array)) return key === undefined ? 'none' : `a ${typeof key}`
  if (key.length < 32) return `${key.length} bytes`
  // A text is not random: base64 and hex are to be decoded, and a pass phrase is none.
  if (key.every((byte) => byte >= 0x20 && byte <= 0x7e)) return 'text'
  // Of 32 random bytes fewer than 20 are different less than once in 10^9.
  return new Set(key).size < 20 ? 'bytes that repeat' : undefined
}
