import { assertKeys, misconfigured } from '../core/settings.js'
import { BudgetError } from '../core/errors.js'
import { isObject, type JsonObject } from '../core/json.js'
import { META } from './wire.js'
import { refusalOf } from './refusal.js'
import { TOKEN_ALIAS, TOKEN_META } from './credentials.js'
import type { Caveats } from '../delegation/caveat-list.js'
import type { CloseParams, DelegateParams, RevokeParams } from '../delegation/method-params.js'
import type { Credits } from '../core/credits.js'

/** Any MCP client, of SDK v1 or v2, that is connected. */
export interface RequestingClient {
  request(request: never, schema: never, options?: never): Promise<unknown>
}

/** Settings of a {@link BudgetClient}. */
export interface BudgetClientOptions {
  /** The token to ask by. Without one the server tells of the budget that it lets the caller use. */
  readonly token?: string
  /** Whether it is sent in `_meta.token` too; `false` by default. */
  readonly alias?: boolean
}

/** One budget that would pay, as `budget/balance` shows it. */
export interface BalanceView {
  readonly budget_id: string
  readonly token_id?: string
  readonly unit?: 'credits' | 'calls'
  /** What the caller could spend now. */
  readonly remaining?: Credits
  /** How many calls the token has left, where it counts them. */
  readonly remaining_calls?: number
  readonly held?: Credits
  readonly spent?: Credits
  readonly debt?: Credits
  readonly reset_at?: string
}

/** What an operation cost, as `budget/balance` shows it: its attempts, and what they would have cost in full. */
export interface OperationView {
  readonly operation_id: string
  readonly tool: string
  readonly charged: Credits
  readonly full: Credits
  readonly saved: Credits
  readonly attempts: ReadonlyArray<{
    readonly attempt: number
    readonly at: string
    readonly task_id?: string
    readonly end?: string
    readonly late?: true
    readonly charged: Credits
    readonly full: Credits
    readonly saved: Credits
  }>
}

/** The answer to {@link BudgetClient.balance}. */
export interface Balances {
  readonly mode: string
  readonly budgets: readonly BalanceView[]
  readonly operations?: readonly OperationView[]
}

/** A budget that was carved out, and its token. */
export interface Delegation {
  /** The new token: a secret. */
  readonly token: string
  /** Its id, 43 characters. */
  readonly tokenId: string
  /** What the new budget begins with. */
  readonly budget: Credits
  readonly budgetId: string
  /** When the token ends, seconds since 1970. */
  readonly exp?: number
  /** What the token that asked could still spend. */
  readonly parentRemaining: Credits
}

/** How a request to delegate, close or revoke is told from another. */
export interface RequestKey {
  /** 1 to 256 printable characters: the same request again with the same key is answered as before. Random by default. */
  readonly key?: string
}

/** What a delegation is to be: {@link DelegateParams} and a key. */
export interface DelegateOptions extends DelegateParams, RequestKey {
  readonly restrictions?: Omit<Caveats, 'own'>
}

/**
 * Asks a server about budgets: what is left, and to hand some of it on. Works with a client of either SDK generation.
 * What the server refuses is thrown as its error; `refusalOf` reads it. A request that hands on is sent once more, with
 * the same key, where the server says that its store could not be reached.
 *
 * @example
 * ```ts
 * const budgets = new BudgetClient(client, { token })
 * const child = await budgets.delegate({ budget: 300, label: 'research' })
 * await research.connect(wrapTransport(transport, withDelegation({ token: child.token })))
 * const { returned } = await budgets.close({ budget: child.budgetId })
 * ```
 */
export class BudgetClient {
  readonly #client: RequestingClient
  readonly #meta: JsonObject

  /** @throws BudgetError `invalid_config`, `not_supported` for something that is no client */
  constructor(client: RequestingClient, options: BudgetClientOptions = {}) {
    // What is no object may be the token.
    if (!isObject(options)) throw misconfigured('options', 'settings such as { token }', undefined, 'something else')
    assertKeys(options, ['token', 'alias'], 'options')
    if (typeof (Object(client) as Partial<RequestingClient>).request !== 'function') {
      const message = 'Expected a client of an MCP SDK, with `request`'
      throw new BudgetError({ code: 'not_supported', message })
    }
    const { token, alias = false } = options as BudgetClientOptions
    if (token !== undefined && !(typeof token === 'string' && token !== ''))
      throw misconfigured('token', 'a token', undefined, 'something else')
    this.#client = client
    this.#meta = token === undefined ? {} : { [TOKEN_META]: token, ...(alias && { [TOKEN_ALIAS]: token }) }
  }

  /**
   * What is left of the budgets that would pay for a call, the first payer first.
   *
   * @param options `operations: true`: also what operations and retries cost, where the server has records of them
   */
  async balance(options: { readonly operations?: true } = {}): Promise<Balances> {
    return (await this.#ask('budget/balance', options, this.#meta)) as never
  }

  /**
   * Carves a budget out of that of the token, with a token of its own.
   *
   * @throws the server's error: `delegation_failed`, `unauthorized`, `invalid_params`, `approval_required`
   */
  async delegate(options: DelegateOptions): Promise<Delegation> {
    return (await this.#move('budget/delegate', options)) as never
  }

  /** Closes a budget, the token's own or one below it; `returned` went to the nearest open budget above. */
  async close(options: CloseParams & RequestKey): Promise<{ readonly returned: Credits }> {
    return (await this.#move('budget/close', options)) as never
  }

  /** Revokes a token that was made of this one, or the token of a budget below; all that was made of it ends with it. */
  async revoke(options: RevokeParams & RequestKey): Promise<{ readonly prefixId: string; readonly returned: Credits }> {
    return (await this.#move('budget/revoke', options)) as never
  }

  async #move(method: string, { key = globalThis.crypto.randomUUID(), ...params }: RequestKey): Promise<unknown> {
    const meta = { ...this.#meta, [`${META}idempotency-key`]: key }
    try {
      return await this.#ask(method, params, meta)
    } catch (error) {
      if (refusalOf(error)?.error !== 'budget_unavailable') throw error
      return this.#ask(method, params, meta)
    }
  }

  #ask(method: string, params: object, meta: JsonObject): Promise<unknown> {
    const request = { method, params: { ...params, ...(Object.keys(meta).length > 0 && { _meta: meta }) } }
    return this.#client.request(request as never, anyResult as never)
  }
}

/** A schema that takes any object: what v1 asks as zod's, and v2 as a standard schema's. */
const anyResult = {
  safeParse: (data: unknown) => (isObject(data) ? { success: true, data } : { success: false, error: noResult() }),
  parse: (data: unknown) => data,
  '~standard': {
    version: 1,
    vendor: 'mcp-budget',
    validate: (value: unknown) => (isObject(value) ? { value } : { issues: [{ message: noResult().message }] }),
  },
}

function noResult(): BudgetError {
  return new BudgetError({ code: 'invalid_request', message: 'Expected an object for a result' })
}
