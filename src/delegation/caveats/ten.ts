import type { CaveatKind } from '../caveat.js'

const TENANT = /^[A-Za-z0-9_-]{1,64}$/

/** `ten=<tenant>`: the tenant of the identifier. It can contradict, and choose nothing. */
export const ten: CaveatKind<string> = {
  name: 'ten',
  reason: 'tenant_mismatch',
  parse: (value) => (TENANT.test(value) ? value : undefined),
  holds: (wanted, _request, { tenant }) => wanted === tenant,
}
