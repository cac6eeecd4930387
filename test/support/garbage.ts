import type { Verb } from '../../src/testing/index.js'

const AUTHORITY = {
  tenant: 'default',
  budget: 'default/main',
  registrations: [],
  prefixIds: ['p0', 'p1'],
  nonce: 'n',
  issuedAt: 1_000,
  ceilings: [{ prefixId: 'p1', limit: 9 }],
  calls: [{ prefixId: 'p1', limit: 9 }],
  rates: [{ prefixId: 'p1', calls: 9, seconds: 60 }],
}

const LIMITLESS = { ...AUTHORITY, ceilings: [], calls: [], rates: [] }

/** A request of each verb that a store takes. */
export const VALID: Readonly<Record<Verb, readonly unknown[]>> = {
  check: ['main', 1],
  remaining: ['main'],
  initialize: ['fresh', 1],
  spend: [{ chargeId: 'c', budget: 'main', tool: 't', cost: 1 }],
  hold: [
    {
      id: 'h',
      lines: [{ budget: 'main', amount: 1 }],
      ttlMs: 9,
      onExpire: 'capture',
      overdraft: false,
      meta: { tool: 't' },
      authority: AUTHORITY,
    },
  ],
  capture: [{ id: 'c', holdId: 'open', amount: 1, overage: 'cap', lines: [{ budget: 'main', amount: 1 }] }],
  release: [{ id: 'r', holdId: 'open' }],
  extend: [{ id: 'x', holdId: 'open', ttlMs: 9 }],
  grant: [{ id: 'g', budget: 'main', amount: 1 }],
  transfer: [
    {
      id: 't',
      from: 'main',
      to: 'child',
      amount: 1,
      create: { registration: 'p2', expiresAt: 9e12, caps: { depth: 1, children: 1, amount: 9 } },
      authority: AUTHORITY,
    },
  ],
  close: [{ id: 'k', budget: 'other', why: 'closed' }],
  describe: ['main', AUTHORITY],
  revoke: [{ id: 'v', budget: 'main', prefixId: 'p1', until: 9e12 }],
  lease: [{ id: 'l', budget: 'main', instance: 'i', ttlMs: 9, least: 1, most: 2, authority: LIMITLESS }],
  renew: [{ id: 'n', leaseId: 'open', used: 1, ttlMs: 9, authority: LIMITLESS }],
  settle: [{ id: 's', leaseId: 'open', used: 1 }],
  reconcile: [{ id: 'b', leaseId: 'open', used: 1 }],
}

/** Every way to put `value` in the place of one part of `whole`. */
export function spoil(whole: unknown, value: unknown): unknown[] {
  if (typeof whole !== 'object' || whole === null) return [value]
  const parts = Object.entries(whole).flatMap(([key, part]) =>
    spoil(part, value).map((spoilt) => (Array.isArray(whole) ? [spoilt] : { ...whole, [key]: spoilt })),
  )
  return [value, ...parts]
}
