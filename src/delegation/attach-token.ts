import { andThen, type MaybePromise } from '../core/maybe-promise.js'
import { assertKeys, misconfigured, oneOf } from '../core/settings.js'
import { copyCall, type ToolCall } from '../core/call.js'
import { NOBODY, PresentedAuth, type PresentedToken } from '../core/auth.js'
import { refuse, type Refusal } from '../core/refusal.js'
import type { CallMiddleware } from '../core/middleware.js'

/** Settings of `withDelegation` at a client. */
export interface AttachOptions {
  readonly keys?: undefined
  readonly auth?: undefined
  /** The token to send with each call, or who knows which one to send with a call. */
  readonly token: string | ((call: ToolCall) => MaybePromise<string>)
  /** Whether it is sent in `_meta.token` too, for servers that look there; `false` by default. */
  readonly alias?: boolean
}

/**
 * The step that sends a token with each call. The seat writes it into the message, on a copy: no other step sees it.
 *
 * @throws BudgetError `invalid_config`
 */
export function attachToken(options: AttachOptions): CallMiddleware {
  assertKeys(options, ['token', 'alias'], 'options')
  const { token } = options
  const alias = oneOf(options.alias, [false, true], 'alias')
  if (typeof token !== 'function') assertText(token)

  function attach(call: ToolCall, text: string): ToolCall | Refusal {
    assertText(text)
    // Somebody has said already who is to pay, and it is not for us to say otherwise.
    const given = PresentedAuth.credentialsOf(call).tokens
    if (given.some((other) => other.text !== text))
      return refuse(call.tool, { error: 'unauthorized', reason: 'ambiguous_credentials' })
    const tokens: PresentedToken[] = [
      ...given,
      { text, from: 'meta' },
      ...(alias ? [{ text, from: 'alias' } as const] : []),
    ]
    const sent = copyCall(call)
    const bearing = { auth: new PresentedAuth(call.auth ?? NOBODY, { tokens, session: undefined }) }
    return Object.assign(sent, bearing)
  }

  return {
    name: 'withDelegation',
    side: 'client',
    enter: (call) => andThen(typeof token === 'function' ? token(call) : token, (text) => attach(call, text)),
    inShadow() {
      throw misconfigured(
        'withDelegation',
        'beside a budget that is enforced, for shadow mode changes no message',
        undefined,
        'one in shadow mode; let the caller set the token there',
      )
    },
  }
}

// What it is instead is not said: it may be a secret all the same.
function assertText(token: unknown): void {
  if (typeof token === 'string' && /^[\x21-\x7e]{1,8192}$/.test(token)) return
  throw misconfigured(
    'token',
    'a token without spaces or ends of lines, or a function that gives one',
    token,
    token === undefined ? token : 'something else',
  )
}
