import type { JsonObject } from './json.js'

/** The prefix of this library's tokens; a credential without it is somebody else's, and is left alone. */
export const TOKEN_PREFIX = 'mcpb_'

/**
 * Who asks, as the server's own authentication has it (`authInfo` of either SDK generation, or `req.auth`). Without the
 * credential itself.
 *
 * @property clientId the client that was authenticated
 * @property scopes what it was granted
 * @property extra what else the authentication says, such as the user
 * @example withBudget({ enforcer, budget: (call) => call.auth?.clientId ?? 'anonymous' })
 */
export class CallAuth {
  readonly clientId: string | undefined
  readonly scopes: readonly string[]
  readonly extra: JsonObject
  /** This library's tokens that came with the call. Private, so that no log or record ever shows one. */
  readonly #presented: readonly string[]

  constructor(info: Pick<CallAuth, 'clientId' | 'scopes' | 'extra'>, presented: readonly string[]) {
    this.clientId = info.clientId
    this.scopes = info.scopes
    this.extra = info.extra
    this.#presented = presented
  }

  /** For the step that verifies tokens, and nothing else. */
  static presentedTo(call: { readonly auth: CallAuth | undefined }): readonly string[] {
    return call.auth === undefined ? [] : call.auth.#presented
  }
}
