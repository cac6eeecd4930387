import { BudgetError } from '../../core/errors.js'
import { unavailable } from './faults.js'
import type { RedisPort } from './redis-port.js'

/** A script, and the digest by which a server knows it. */
export interface Script {
  readonly text: string
  readonly sha1: string
}

/** Commands to a server that was found fit to keep money. One that is out of reach is `store_unavailable`. */
export class RedisConnection {
  readonly #port: RedisPort
  #checked: Promise<void> | undefined

  constructor(port: RedisPort) {
    this.#port = port
  }

  /**
   * Asks the server, once, whether it may throw keys away.
   *
   * @throws BudgetError `invalid_config` when its `maxmemory-policy` is another than `noeviction`
   */
  check(key: string): Promise<void> {
    return (this.#checked ??= this.#check(key).catch((error: unknown) => {
      this.#checked = undefined
      throw error
    }))
  }

  async send(key: string, command: readonly string[]): Promise<unknown> {
    await this.check(key)
    return await this.#send(key, command)
  }

  /** Runs a script by its digest; a server that does not know it, as after a restart or a failover, is given its text. */
  async run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const [first = ''] = keys
    const rest = [String(keys.length), ...keys, ...args]
    if (this.#checked === undefined) await this.check(first)
    else await this.#checked
    try {
      return await this.#send(first, ['EVALSHA', script.sha1, ...rest])
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return await this.#send(first, ['EVAL', script.text, ...rest])
    }
  }

  async #send(key: string, command: readonly string[]): Promise<unknown> {
    try {
      return await this.#port.send(key, command)
    } catch (error) {
      throw unavailable(error)
    }
  }

  async #check(key: string): Promise<void> {
    const said = String(await this.#send(key, ['INFO', 'memory']))
    const policy = /maxmemory_policy:(\S+)/.exec(said)?.[1]
    if (policy === 'noeviction') return
    throw new BudgetError({
      code: 'invalid_config',
      message: `Expected a Redis with \`maxmemory-policy noeviction\`, which never throws a budget away, got \`${policy ?? 'none'}\``,
    })
  }
}
