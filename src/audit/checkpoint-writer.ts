import { BudgetError } from '../core/errors.js'
import { chainKey } from './chain.js'
import { checkpointHash, signCheckpoint, type Checkpoint, type CheckpointSink } from './checkpoint.js'
import { inTime } from '../core/in-time.js'
import type { CheckpointSettings, SealerSettings } from './sealer-options.js'
import type { Seal } from '../ledger/seal.js'

/** What a sink has of a chain. */
interface Row {
  last: Checkpoint | undefined
  /** What it has not taken yet. Until it has, there is no later one: so nothing is lost, and nothing piles up. */
  pending: Checkpoint | undefined
  /** The chain is not what its checkpoints say: it gets no more of them. */
  diverged: boolean
}

/** A failing sink is asked again after a second, and then after twice as long each time, up to this. */
const MOST_DELAY_MS = 60_000

/** Brings one sink the checkpoints of all chains. */
export class CheckpointWriter {
  readonly #sink: CheckpointSink
  readonly #settings: SealerSettings & { readonly checkpoints: CheckpointSettings }
  readonly #rows = new Map<string, Row>()
  readonly #startedAt: number
  #failures = 0
  #notBefore = 0
  #busy: Promise<number> | undefined

  constructor(sink: CheckpointSink, settings: SealerSettings & { readonly checkpoints: CheckpointSettings }) {
    this.#sink = sink
    this.#settings = settings
    this.#startedAt = settings.clock.now()
  }

  /**
   * Writes what is due of these heads; `all`: whatever is new, and without waiting for a sink that failed. Answers with
   * how many were taken. Never rejects: what fails is told, and comes again.
   */
  write(heads: readonly Seal[], all: boolean): Promise<number> {
    const busy = this.#busy
    if (busy !== undefined) return all ? busy.then(() => this.write(heads, all)) : Promise.resolve(0)
    if (!all && this.#settings.clock.now() < this.#notBefore) return Promise.resolve(0)
    this.#busy = this.#writeAll(heads, all).finally(() => (this.#busy = undefined))
    return this.#busy
  }

  async #writeAll(heads: readonly Seal[], all: boolean): Promise<number> {
    let taken = 0
    for (const head of heads) {
      try {
        if (await this.#writeOne(head, all)) taken++
        this.#failures = 0
      } catch (error) {
        this.#settings.events.emit('fault', { where: 'checkpoint', error })
        const delay = Math.min(1_000 * 2 ** this.#failures++, MOST_DELAY_MS)
        this.#notBefore = this.#settings.clock.now() + delay
        // The others would wait as long for the same sink.
        break
      }
    }
    return taken
  }

  async #writeOne(head: Seal, all: boolean): Promise<boolean> {
    const row = await this.#rowOf(head)
    row.pending ??= this.#isDue(row, head, all) ? this.#made(row, head) : undefined
    const { pending } = row
    if (pending === undefined) return false
    await this.#ask(async () => this.#sink.write(pending))
    row.last = pending
    row.pending = undefined
    return true
  }

  #isDue({ last, diverged }: Row, head: Seal, all: boolean): boolean {
    const { every, everyMs } = this.#settings.checkpoints
    const more = head.seq - (last?.seq ?? 0)
    if (diverged || more <= 0) return false
    return all || more >= every || this.#settings.clock.now() - (last?.at ?? this.#startedAt) >= everyMs
  }

  #made({ last }: Row, { partition, kind, seq, hash }: Seal): Checkpoint {
    const { clock, checkpoints } = this.#settings
    const previous = last === undefined ? null : checkpointHash(last)
    const body = { store: checkpoints.store, partition, kind, seq, hash, at: clock.now(), previous }
    return signCheckpoint(body, checkpoints.key)
  }

  async #rowOf(head: Seal): Promise<Row> {
    const { partition, kind } = head
    const known = this.#rows.get(chainKey(head))
    if (known !== undefined) return known
    const last = await this.#ask(async () => this.#sink.last?.({ partition, kind }))
    const row: Row = { last, pending: undefined, diverged: last !== undefined && !(await this.#agrees(last)) }
    this.#rows.set(chainKey(head), row)
    if (row.diverged) this.#settings.events.emit('fault', { where: 'checkpoint', error: diverged(last) })
    return row
  }

  // A store that was put back to an older copy goes on from there: what it says then is not to be signed.
  async #agrees({ partition, kind, seq, hash }: Checkpoint): Promise<boolean> {
    const [seal] = await this.#settings.seals.read({ partition, kind, after: seq - 1, limit: 1 })
    return seal?.seq === seq && seal.hash === hash
  }

  async #ask<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    const { clock, checkpoints } = this.#settings
    const { timeoutMs } = checkpoints
    const message = `Expected the sink of checkpoints to answer within ${timeoutMs} ms`
    const answered = ask().then((answer) => ({ answer }))
    const failed = (error: unknown): { readonly error: unknown } => ({ error })
    const found = await inTime<{ readonly answer: Answer } | { readonly error: unknown }>(
      answered,
      { clock, timeoutMs },
      failed,
      () => failed(new BudgetError({ code: 'timeout', message })),
    )
    if ('error' in found) throw found.error
    return found.answer
  }
}

function diverged(last: Checkpoint | undefined): BudgetError {
  const message = `Expected the seal that the last checkpoint covers, of record ${last?.seq ?? 0}, got another or none; run \`verifyLedger\``
  return new BudgetError({ code: 'invalid_store', message })
}
