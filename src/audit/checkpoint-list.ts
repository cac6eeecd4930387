import { chainKey } from './chain.js'
import { checkpointHash, isCheckpoint, isSignedBy, type Checkpoint } from './checkpoint.js'
import { isObject } from '../core/json.js'
import type { BadCheckpoint, CheckpointFault } from './verification.js'
import type { ChainName } from '../ledger/seal.js'
import type { PublicKey } from './keys.js'

/** What a checkpoint says of a record. */
export interface Mark {
  readonly seq: number
  readonly hash: string
}

/** What the checkpoints of a chain say, and which there are. */
interface Row {
  readonly name: ChainName
  readonly marks: Mark[]
  /** By the hash of each checkpoint: the number of the record that it covers. */
  readonly seen: Map<string, number>
}

/** The checkpoints of a store, proved one by one, in the order in which they were written. */
export class CheckpointList {
  count = 0
  unreadable = 0
  restarts = 0
  readonly #keys: ReadonlyMap<string, PublicKey>
  readonly #rows = new Map<string, Row>()
  #line = 0
  #store: string | undefined

  constructor(keys: readonly PublicKey[], store: string | undefined) {
    this.#keys = new Map(keys.map((key) => [key.id, key]))
    this.#store = store
  }

  /** Takes the next one: what is wrong with it, if something is. What is a text is a line that is no JSON. */
  add(value: unknown): BadCheckpoint | undefined {
    this.#line++
    if (typeof value === 'string') return void this.unreadable++
    if (!isCheckpoint(value)) return this.#bad('format', isObject(value) ? value : {})
    const key = this.#keys.get(value.key)
    if (key === undefined) return this.#bad('unknown_key', value)
    if (!isSignedBy(value, key)) return this.#bad('signature', value)
    this.#store ??= value.store
    if (value.store !== this.#store) return this.#bad('store', value)
    return this.#follow(value)
  }

  /** What the checkpoints say of a chain, in the order of its records. */
  marksOf(name: ChainName): readonly Mark[] {
    return (this.#rows.get(chainKey(name))?.marks ?? []).toSorted((a, b) => a.seq - b.seq)
  }

  /** The chains that there are checkpoints of. */
  get chains(): readonly ChainName[] {
    return Array.from(this.#rows.values(), ({ name }) => name)
  }

  #follow(checkpoint: Checkpoint): BadCheckpoint | undefined {
    const { partition, kind, seq, hash, previous } = checkpoint
    const name = { partition, kind }
    const row = this.#rows.get(chainKey(name)) ?? { name, marks: [], seen: new Map<string, number>() }
    const own = checkpointHash(checkpoint)
    // A sink that failed after it had taken it got it again.
    if (row.seen.has(own)) return undefined
    const before = previous === null ? 0 : row.seen.get(previous)
    if (before === undefined) return this.#bad('previous', checkpoint)
    if (previous !== null && seq <= before) return this.#bad('order', checkpoint)
    if (previous === null && row.seen.size > 0) this.restarts++
    row.seen.set(own, seq)
    row.marks.push({ seq, hash })
    this.#rows.set(chainKey(name), row)
    this.count++
    return undefined
  }

  #bad(why: CheckpointFault, { partition, kind, seq }: Readonly<Record<string, unknown>> | Checkpoint): BadCheckpoint {
    return {
      kind: 'checkpoint',
      line: this.#line,
      why,
      ...(typeof partition === 'string' && { partition }),
      ...((kind === 'money' || kind === 'call') && { record: kind }),
      ...(typeof seq === 'number' && { seq }),
    }
  }
}
