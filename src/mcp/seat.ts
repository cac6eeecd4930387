import { assertKeys, misconfigured, oneOf, optionalText } from '../core/settings.js'
import { Engine } from '../core/engine.js'
import { GOVERNABLE, type GovernableMethod } from './methods.js'
import { isObject } from '../core/json.js'
import { REFUSALS } from '../core/refusal.js'
import { flattenSteps, isStep, onlyWatches } from '../core/compose.js'
import { systemClock, type Clock } from '../core/clock.js'
import type { CallMiddleware } from '../core/middleware.js'
import { processKeys, Seal, sealKeys, type SealKey } from './seal.js'
import { SealedRounds, WatchedRounds, type Rounds } from './rounds.js'
import type { RefusalCodes } from './refusal.js'

/** Settings of a seat, given before the steps. */
export interface SeatOptions {
  /** What this server is called in price lists and patterns; never what the peer says of itself. */
  readonly server?: string
  /** How a refusal is answered: a JSON-RPC `error` (default, what programs see), or an `isError` `result` (what models see). */
  readonly refusal?: 'error' | 'result'
  /** Other JSON-RPC codes, by slug. */
  readonly codes?: RefusalCodes
  /**
   * Other methods that cost: each is a call whose tool is the method's name, such as `resources/read`, and whose
   * arguments are its parameters. The price list must know them.
   */
  readonly governed?: readonly GovernableMethod[]
  /**
   * Keys of at least 32 random bytes that seal what a server keeps with its client between the rounds of a call: the
   * first seals, all of them open. Give all processes that share the budgets the same ones, or a call that asks for
   * input goes on only in the process where it began. A random key of this process by default.
   */
  readonly sealKeys?: readonly SealKey[]
  readonly clock?: Clock
}

/** A seat's settings and steps, checked. */
export interface Seat {
  readonly server: string | undefined
  readonly refusal: 'error' | 'result'
  readonly codes: RefusalCodes
  readonly clock: Clock
  /** One for all the transports of the seat. */
  readonly engine: Engine
  /** The methods that are calls. */
  readonly governed: ReadonlySet<unknown>
  /** Whether the seat only watches: then no message is changed, and nothing is answered here. */
  readonly shadow: boolean
  /** Whether a step attaches what only a client sends: on a server's side it would let everybody in. */
  readonly clientOnly: boolean
  /** Rounds of calls that this side sends, and of those that it receives. */
  readonly sentRounds: Rounds
  readonly receivedRounds: Rounds
}

const OPTIONS = ['server', 'refusal', 'codes', 'governed', 'sealKeys', 'clock'] as const

/**
 * Reads what follows the wrapped thing: settings, if the first is no step, then steps.
 *
 * @throws BudgetError `invalid_config`, `wrong_order`
 */
export function readSeat(
  who: string,
  given: readonly (SeatOptions | CallMiddleware)[],
  known: ReadonlyArray<keyof SeatOptions> = OPTIONS,
): Seat {
  const [first, ...rest] = given
  const hasOptions = isObject(first) && !isStep(first)
  const options = (hasOptions ? first : {}) as SeatOptions
  const steps = flattenSteps((hasOptions ? rest : given) as readonly CallMiddleware[])
  if (steps.length === 0) throw misconfigured(who, 'given steps', steps, 'none')
  assertKeys(options, known, 'options')
  const { codes = {}, clock = systemClock, governed = [] } = options
  const server = optionalText(options.server, 'server')
  const refusal = oneOf(options.refusal, ['error', 'result'], 'refusal')
  assertKeys(codes, Object.keys(REFUSALS), 'codes')
  for (const [slug, code] of Object.entries(codes)) {
    if (!Number.isSafeInteger(code)) throw misconfigured(`codes.${slug}`, 'an integer', code)
  }
  const methods: unknown = governed
  if (!Array.isArray(methods)) throw misconfigured('governed', 'a list of methods', methods)
  for (const method of governed) oneOf(method, GOVERNABLE, 'governed')
  const keys = options.sealKeys === undefined ? processKeys() : sealKeys(options.sealKeys)
  const engine = new Engine(steps, clock)
  const clientOnly = steps.some((step) => step.side === 'client')
  if (clientOnly && ['wrapServer', 'wrapServerFactory', 'wrapTool'].includes(who))
    throw misconfigured(
      who,
      "given steps of a server, such as one with `auth: 'config'` for a secret",
      undefined,
      'one of a client',
    )
  const shadow = onlyWatches(steps)
  const sealed = (prefix: string, by: readonly Uint8Array[]): Rounds =>
    shadow ? new WatchedRounds(clock) : new SealedRounds(new Seal(prefix, server, by), clock)
  return {
    server,
    refusal,
    codes,
    clock,
    engine,
    governed: new Set(['tools/call', ...governed]),
    shadow,
    clientOnly,
    sentRounds: sealed('mcpb-c1.', processKeys()),
    receivedRounds: sealed('mcpb-s1.', keys),
  }
}
