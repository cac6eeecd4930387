import { chainKey } from './chain.js'
import { CheckpointWriter } from './checkpoint-writer.js'
import { KINDS } from './records.js'
import { sealRecords } from './seal-records.js'
import { sealerSettings, type LedgerSealerOptions, type SealerSettings } from './sealer-options.js'
import type { ChainName, Seal } from '../ledger/seal.js'

/**
 * Seals a ledger behind its back: it reads what was written since the last time, chains it by hashes, and writes the
 * seals beside it. What is sealed cannot be changed without a trace. A spend never waits for it. Several may run at once,
 * and one that is killed leaves nothing behind. With `checkpoints` it signs the heads of the chains for a place outside
 * of the store; then the whole ledger cannot be written anew either.
 *
 * @throws BudgetError `invalid_config`
 * @example
 * ```ts
 * const { ledger, seals } = enforcer
 * const sinks = [fileSink('/mnt/audit/checkpoints.jsonl')]
 * const sealer = new LedgerSealer({ ledger, seals, checkpoints: { store: 'prod', key: signingKey(pem), sinks } })
 * sealer.start()
 * ```
 */
export class LedgerSealer {
  readonly #settings: SealerSettings
  readonly #writers: readonly CheckpointWriter[]
  /** The last seal of each chain, as far as this one knows. */
  readonly #heads = new Map<string, Seal>()
  #headsAt = -Infinity
  /** One pass at a time. */
  #pass: Promise<unknown> = Promise.resolve()
  #cancel: (() => void) | undefined

  constructor(options: LedgerSealerOptions) {
    const settings = sealerSettings(options)
    const { checkpoints } = settings
    this.#settings = settings
    this.#writers = (checkpoints?.sinks ?? []).map(
      (sink) => new CheckpointWriter(sink, { ...settings, checkpoints: checkpoints! }),
    )
  }

  /** Seals from now on, every `everyMs`, until {@link stop}. The timer keeps no process alive. What fails is a `fault`. */
  start(): this {
    this.#cancel ??= this.#later()
    return this
  }

  /** Stops the timer, and waits for what is being sealed. Nothing is lost: the next one goes on where this one was. */
  async stop(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    await this.#pass
  }

  /**
   * Seals what is there, and begins to write the checkpoints that are due. Answers with how many records were sealed.
   *
   * @throws BudgetError `invalid_store` where a record is missing, once all other chains are sealed; what the store throws
   */
  async seal(): Promise<number> {
    const pass = this.#pass.then(() => this.#sealAll())
    this.#pass = pass.catch(() => {})
    const sealed = await pass
    for (const writer of this.#writers) void writer.write(this.#known(), false)
    return sealed
  }

  /**
   * Seals what is there, and writes a checkpoint of each chain that has something new, whether or not it is due. Answers
   * with how many the sinks took.
   *
   * @throws BudgetError as {@link seal}
   */
  async checkpoint(): Promise<number> {
    await this.seal()
    const taken = await Promise.all(this.#writers.map((writer) => writer.write(this.#known(), true)))
    return taken.reduce((sum, each) => sum + each, 0)
  }

  #known(): readonly Seal[] {
    return [...this.#heads.values()]
  }

  #later(): () => void {
    const { clock, everyMs, events } = this.#settings
    return clock.after(everyMs, () => {
      const failed = (error: unknown): void => events.emit('fault', { where: 'LedgerSealer', error })
      void this.seal()
        .catch(failed)
        .finally(() => {
          if (this.#cancel !== undefined) this.#cancel = this.#later()
        })
    })
  }

  async #sealAll(): Promise<number> {
    const { clock, checkpoints, everyMs } = this.#settings
    // Another sealer may have done all the work since.
    if (clock.now() - this.#headsAt >= (checkpoints?.everyMs ?? 60 * everyMs)) await this.#readHeads()
    let sealed = 0
    let first: { readonly error: unknown } | undefined
    for (const name of await this.#behind()) {
      try {
        sealed += await this.#sealChain(name)
      } catch (error) {
        first ??= { error }
      }
    }
    if (first !== undefined) throw first.error
    return sealed
  }

  async #readHeads(): Promise<void> {
    for (const head of await this.#settings.seals.heads()) this.#heads.set(chainKey(head), head)
    this.#headsAt = this.#settings.clock.now()
  }

  async #behind(): Promise<readonly ChainName[]> {
    const { ledger, seals } = this.#settings
    if (seals.behind !== undefined) return seals.behind()
    const partitions = await ledger.partitions()
    return partitions.flatMap((partition) => KINDS.map((kind) => ({ partition, kind })))
  }

  async #sealChain({ partition, kind }: ChainName): Promise<number> {
    const { ledger, seals, batch, clock } = this.#settings
    const key = chainKey({ partition, kind })
    for (let sealed = 0; ;) {
      const head = this.#heads.get(key)
      const records = await ledger.numbered({ partition, kind, after: head?.seq ?? 0, limit: batch })
      if (records.length === 0) return sealed
      const seal = sealRecords({ partition, kind }, head, records, clock.now())
      if (await seals.add(seal)) {
        this.#heads.set(key, seal)
        sealed += records.length
      } else {
        await this.#readHeads()
      }
    }
  }
}
