import { chainHash, chainStart, hashText, MARK_LENGTH } from './chain.js'
import type { BreakReason, Broken, Truncated, WholeChain } from './verification.js'
import type { ChainName, Seal, SealStore } from '../ledger/seal.js'
import type { Mark } from './checkpoint-list.js'
import type { NumberedRecord } from '../ledger/ledger.js'

/** So many seals are read at once. */
const SEALS = 100

/** One chain, made anew from its records, and held against its seals and checkpoints. */
export class ChainCheck {
  /** The number of the last record. */
  last = 0
  readonly name: ChainName
  readonly #seals: Pick<SealStore, 'read'> | undefined
  readonly #marks: readonly Mark[]
  #hash: Buffer
  #sealed = 0
  #checked = 0
  #nextMark = 0
  /** Seals that were read, the one that covers the next record first. */
  #page: Seal[] = []
  #hasMore = true

  constructor(name: ChainName, seals: Pick<SealStore, 'read'> | undefined, marks: readonly Mark[]) {
    this.name = name
    this.#seals = seals
    this.#marks = marks
    this.#hash = chainStart(name)
  }

  /** Takes the next record: why the chain is broken there, if it is. */
  async add({ seq, record }: NumberedRecord): Promise<Broken | undefined> {
    const { partition, kind } = this.name
    if (seq > this.last + 1) return this.broken(this.last + 1, 'missing')
    const isMoney = record.kind === 'money'
    // A call has no number of its own: one would be put in the place of that of the chain.
    const isHere = isMoney ? record.partition === partition && record.seq === seq : !('seq' in record)
    if (seq <= this.last || (kind === 'money') !== isMoney || !isHere) return this.broken(seq, 'order')
    const hash = hashOf(this.#hash, { seq, record })
    if (hash === undefined) return this.broken(seq, 'changed')
    const text = hashText(hash)
    const seal = this.#page[0] ?? (await this.#read())
    if (seal !== undefined) {
      if (seal.after !== this.#sealed) return this.broken(seq, 'unsealed')
      if (!isMarked(seal, seq, text)) return this.broken(seq, 'changed')
    }
    for (let mark = this.#marks[this.#nextMark]; mark?.seq === seq; mark = this.#marks[++this.#nextMark]) {
      if (mark.hash !== text) return this.broken(seq, 'rewritten')
      this.#checked = seq
    }
    this.#hash = hash
    this.last = seq
    if (seal?.seq === seq) {
      this.#sealed = seq
      this.#page.shift()
    }
    return undefined
  }

  /** Where the chain is broken, and why. */
  broken(seq: number, why: BreakReason): Broken {
    const after = why === 'rewritten' ? this.#checked : this.last
    return { kind: 'broken', partition: this.name.partition, record: this.name.kind, seq, why, after }
  }

  /** What there was after the last record, by a seal or a checkpoint. */
  async cut(): Promise<Truncated | undefined> {
    const { partition, kind } = this.name
    const [seal] = (await this.#seals?.read({ ...this.name, after: this.last, limit: 1 })) ?? []
    const expected = Math.max(seal?.seq ?? 0, this.#marks.at(-1)?.seq ?? 0)
    if (expected <= this.last) return undefined
    const by = expected === seal?.seq ? 'seal' : 'checkpoint'
    return { kind: 'truncated', partition, record: kind, last: this.last, expected, by }
  }

  /** What is proved of a chain that is not broken. */
  get whole(): WholeChain {
    const { partition, kind } = this.name
    return { partition, record: kind, last: this.last, sealed: this.#sealed, checkpoint: this.#checked }
  }

  async #read(): Promise<Seal | undefined> {
    // What is sealed while this runs, is told as not sealed.
    if (!this.#hasMore || this.#seals === undefined) return undefined
    this.#page = [...(await this.#seals.read({ ...this.name, after: this.last, limit: SEALS }))]
    this.#hasMore = this.#page.length > 0
    return this.#page[0]
  }
}

function hashOf(previous: Buffer, { seq, record }: NumberedRecord): Buffer | undefined {
  try {
    return chainHash(previous, record, seq)
  } catch {
    // No sealer would have sealed it.
    return undefined
  }
}

function isMarked({ after, seq: end, hash, marks }: Seal, seq: number, text: string): boolean {
  const from = (seq - after - 1) * MARK_LENGTH
  const isLast = seq !== end || (hash === text && marks.length === from + MARK_LENGTH)
  return isLast && marks.slice(from, from + MARK_LENGTH) === text.slice(0, MARK_LENGTH)
}
