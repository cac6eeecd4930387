import { CAVEAT_KEYS, type Caveats } from './caveat-list.js'
import { isCredits, type Credits } from '../core/credits.js'
import { isObject, type JsonObject } from '../core/json.js'
import { refuse, type Refusal } from '../core/refusal.js'
import { LAST_SECOND } from './caveats/grammar.js'
import type { DelegationCaps } from '../budget/moves.js'
import type { ToolCall } from '../core/call.js'

/** What `budget/delegate` asks for. */
export interface DelegateParams {
  /** How many credits the new budget begins with: more than 0. */
  readonly budget: Credits
  /** For people: told in the event `delegated`. Up to 128 characters. */
  readonly label?: string
  /** What the new budget may delegate in turn. */
  readonly caps?: DelegationCaps
  /**
   * What narrows the new token. `ops` is `['call', 'balance']` where nothing is said; `exp` is never later than that of
   * the token that asks.
   */
  readonly restrictions?: Omit<Caveats, 'own'>
}

/** What `budget/close` asks for: by its id, or by its name in the tenant of the token. */
export interface CloseParams {
  readonly budget: string
}

/** What `budget/revoke` asks for: a token that was made of the one that asks, or the budget that was delegated to it. */
export type RevokeParams = { readonly token: string } | { readonly budget: string }

const CAPS = ['depth', 'children', 'amount']
/** No control characters, and none that turn the direction of what is shown. */
const LABEL = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,128}$/u
const KEY = /^[\x20-\x7e]{1,256}$/

/** The `_meta` key of what makes two requests one. */
const IDEMPOTENCY_KEY = 'dev.mcp-budget/idempotency-key'

/** What stands where a request's parameters do not fit. */
export function badParams(request: ToolCall, expected: string): Refusal {
  return refuse(request.tool, { error: 'invalid_params', reason: 'invalid_arguments', expected })
}

/** Reads what a request asks for; a parameter that nobody knows is refused, and not left out. */
export function paramsOf(request: ToolCall, known: readonly string[]): JsonObject | Refusal {
  const args = request.args ?? {}
  if (Object.keys(args).every((key) => known.includes(key))) return args
  const expected = known.length === 0 ? 'no parameters' : `only ${known.join(', ')}`
  return refuse(request.tool, { error: 'invalid_params', reason: 'unknown_parameter', expected })
}

/** The caller's own key of a request, if it has one. */
export function keyOf(request: ToolCall): { readonly key: string | undefined } | Refusal {
  const key = request.meta?.[IDEMPOTENCY_KEY]
  if (key === undefined || (typeof key === 'string' && KEY.test(key))) return { key }
  return badParams(request, 'a key of 1 to 256 printable ASCII characters')
}

/** The parameters of `budget/delegate`. */
export function delegateParams(request: ToolCall): DelegateParams | Refusal {
  const params = paramsOf(request, ['budget', 'label', 'caps', 'restrictions'])
  if ('error' in params) return params as unknown as Refusal
  const { budget, label, caps, restrictions } = params
  if (!isCredits(budget) || budget === 0) return badParams(request, '`budget` of 1 credit or more')
  if (label !== undefined && !(typeof label === 'string' && LABEL.test(label)))
    return badParams(request, '`label` of 1 to 128 letters, digits, signs and spaces')
  if (caps !== undefined && !isCaps(caps)) return badParams(request, 'caps `depth`, `children` and `amount` from 0 up')
  const narrowing = CAVEAT_KEYS.filter((key) => key !== 'own')
  if (restrictions !== undefined && !(isObject(restrictions) && hasOnly(restrictions, narrowing)))
    return badParams(request, `restrictions out of ${narrowing.join(', ')}`)
  return params as unknown as DelegateParams
}

/** The parameters that the seeds gave `satgate/delegate`: `{ budget, scope, label, expiresIn }`, in our own terms. */
export function seedDelegateParams(request: ToolCall, now: number): DelegateParams | Refusal {
  const params = paramsOf(request, ['budget', 'scope', 'label', 'expiresIn'])
  if ('error' in params) return params as unknown as Refusal
  const { scope, expiresIn, ...rest } = params
  const isScope = scope === undefined || (typeof scope === 'string' && scope !== '')
  const isTime = expiresIn === undefined || (Number.isSafeInteger(expiresIn) && (expiresIn as number) > 0)
  if (!isScope || !isTime) return badParams(request, '`scope` of tools, and `expiresIn` of seconds')
  const tool = scope?.split(',').map((each) => each.trim())
  const restrictions = {
    ...(tool !== undefined && { tool }),
    ...(expiresIn !== undefined && { exp: Math.min(Math.floor(now / 1_000) + (expiresIn as number), LAST_SECOND) }),
  }
  return delegateParams({ ...request, args: { ...rest, restrictions } })
}

function isCaps(caps: unknown): boolean {
  return isObject(caps) && hasOnly(caps, CAPS) && Object.values(caps).every((each) => isCredits(each))
}

function hasOnly(object: JsonObject, known: readonly string[]): boolean {
  return Object.keys(object).every((key) => known.includes(key))
}
