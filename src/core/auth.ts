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

/**
 * Where a token was found: `_meta['dev.mcp-budget/token']`, `_meta.token`, the header `mcp-budget-token`, or the header
 * `Authorization` with what the SDKs made of it.
 */
export type TokenSource = 'meta' | 'alias' | 'header' | 'authorization'

/** A token that came with a call, or is to go with it. */
export interface PresentedToken {
  readonly text: string
  readonly from: TokenSource
}

/** What nobody but {@link PresentedAuth} is to show. */
export interface Credentials {
  readonly tokens: readonly PresentedToken[]
  /** The id of the session that the call came in. It authenticates nobody. */
  readonly session: string | undefined
}

const NONE: Credentials = { tokens: [], session: undefined }

/** A {@link CallAuth} that also keeps the tokens of the call: privately, so that no log or record shows one. */
export class PresentedAuth implements CallAuth {
  readonly clientId: string | undefined
  readonly scopes: readonly string[]
  readonly extra: JsonObject
  readonly #credentials: Credentials

  constructor({ clientId, scopes, extra }: CallAuth, credentials: Credentials) {
    this.clientId = clientId
    this.scopes = scopes
    this.extra = extra
    this.#credentials = credentials
  }

  /** The tokens of a call: for the step that verifies or attaches them, and for the seat. */
  static credentialsOf({ auth }: { readonly auth: CallAuth | undefined }): Credentials {
    return auth instanceof PresentedAuth ? auth.#credentials : NONE
  }
}

/** Who asks where a call has no more than tokens. */
export const NOBODY: CallAuth = Object.freeze({ clientId: undefined, scopes: [], extra: {} })
