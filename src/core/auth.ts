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
export interface CallAuth {
  readonly clientId: string | undefined
  readonly scopes: readonly string[]
  readonly extra: JsonObject
}

/** A token that came with a call; `bare`: where only this library's are looked for, so that it needs no prefix. */
export interface PresentedToken {
  readonly text: string
  readonly bare: boolean
}

/** A {@link CallAuth} that also keeps the tokens that came with the call: privately, so that no log or record shows one. */
export class PresentedAuth implements CallAuth {
  readonly clientId: string | undefined
  readonly scopes: readonly string[]
  readonly extra: JsonObject
  readonly #tokens: readonly PresentedToken[]

  constructor({ clientId, scopes, extra }: CallAuth, tokens: readonly PresentedToken[]) {
    this.clientId = clientId
    this.scopes = scopes
    this.extra = extra
    this.#tokens = tokens
  }

  /** The tokens that came with a call: for the step that verifies them, and nothing else. */
  static tokensOf({ auth }: { readonly auth: CallAuth | undefined }): readonly PresentedToken[] {
    return auth instanceof PresentedAuth ? auth.#tokens : []
  }
}
