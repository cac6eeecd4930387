import { KeyRing } from 'mcp-budget/delegation'
import { bytesOf } from '../../src/delegation/bytes.js'
import { encodeToken } from '../../src/delegation/codec.js'
import { macChain } from '../../src/delegation/mac-chain.js'
import type { TenantKeys } from 'mcp-budget/delegation'

/** 32 bytes that pass for random ones, another set for each seed. */
export function secret(seed = 1): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => (i * 7 + seed * 37) % 256)
}

export const keys = new KeyRing({ current: { kid: 'k1', key: secret() } })

export const NONCE = 'AAAAAAAAAAAAAAAAAAAAAA'
export const IDENTIFIER = `b1.k1.acme.agent-1.1000.${NONCE}`

interface Parts {
  readonly identifier?: string
  readonly location?: string
  readonly ring?: KeyRing
  /** Whose keys sign it, where not those that the identifier names. */
  readonly signer?: readonly [kid: string, tenant: string]
}

/** A token with any caveats at all, signed with the keys of its tenant: what `mint` would refuse to write. */
export function tokenOf(caveats: readonly string[], parts: Parts = {}): string {
  const { identifier = IDENTIFIER, location, ring = keys } = parts
  const [, kid = '', tenant = ''] = identifier.split('.')
  const { chain } = ring.keysOf(...(parts.signer ?? ([kid, tenant] as const))) as TenantKeys
  const messages = [identifier, ...caveats].map(bytesOf)
  const signatures = macChain(chain, messages) as readonly Uint8Array[]
  return encodeToken({
    location: location === undefined ? undefined : bytesOf(location),
    identifier: bytesOf(identifier),
    caveats: caveats.map(bytesOf),
    signature: signatures.at(-1)!,
  })
}
