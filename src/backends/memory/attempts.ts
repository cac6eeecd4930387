import { TASK_LIMITS, type Attempt, type BeginRequest, type BeginResult } from '../../tasks/task-store.js'
import type { Failure, FinishRequest } from '../../tasks/task-store.js'

/** How many operations are remembered that failed. */
const MOST_OPERATIONS = 100_000

interface NotedFailure {
  readonly chargeId: string
  readonly failure: Failure
  readonly until: number
  /** The attempt that consumed it. */
  takenBy: string | undefined
}

interface KeyRecord {
  readonly principal: string
  readonly digest: string
  readonly at: number
  chargeId: string
  state: 'open' | 'ran' | 'free'
  /** Until when an open key counts as open. */
  openUntil: number
}

/** What the memory store remembers of attempts: keys that were used, and failures that earn a discount. */
export class Attempts {
  /** By principal and key, the oldest first. */
  readonly #keys = new Map<string, KeyRecord>()
  readonly #counts = new Map<string, number>()
  /** By operation, the longest unchanged first. */
  readonly #failures = new Map<string, NotedFailure[]>()

  /** How many keys and operations are remembered. */
  get size(): number {
    return this.#keys.size + this.#failures.size
  }

  begin(request: BeginRequest, now: number): BeginResult {
    const reason = request.key === undefined ? undefined : this.#claim(request, request.key, now)
    if (reason !== undefined) return { kind: 'refused', reason }
    return { kind: 'begun', after: this.#take(request, now) }
  }

  /** Keeps a key open for as long as its task may live. */
  keepOpen({ principal, key }: Pick<Attempt, 'principal' | 'key'>, chargeId: string, until: number): void {
    const record = key && this.#keys.get(keyOf(principal, key.key))
    if (record?.chargeId === chargeId) record.openUntil = Math.max(record.openUntil, until)
  }

  finish({ chargeId, principal, operation, key, end, failure, windowMs }: FinishRequest, now: number): void {
    const record = key && this.#keys.get(keyOf(principal, key.key))
    if (record?.chargeId === chargeId) record.state = end === 'ran' ? 'ran' : 'free'
    if (end === 'not-run') this.#giveBack(operation, chargeId)
    if (end === 'failed' && failure !== undefined)
      this.#note(operation, { chargeId, failure, until: now + windowMs }, now)
  }

  #claim(
    { principal, chargeId, openMs }: BeginRequest,
    { key, digest }: NonNullable<BeginRequest['key']>,
    now: number,
  ): Extract<BeginResult, { kind: 'refused' }>['reason'] | undefined {
    this.#forgetKeys(now)
    const id = keyOf(principal, key)
    const known = this.#keys.get(id)
    if (known === undefined && (this.#counts.get(principal) ?? 0) >= TASK_LIMITS.keys) return 'full'
    if (known !== undefined && known.digest !== digest) return 'idempotency_mismatch'
    if (known?.chargeId === chargeId) {
      known.openUntil = Math.max(known.openUntil, now + openMs)
      return undefined
    }
    if (known?.state === 'ran') return 'already_ran'
    if (known?.state === 'open' && now < known.openUntil) return 'in_flight'
    if (known === undefined) this.#counts.set(principal, (this.#counts.get(principal) ?? 0) + 1)
    // At the end again, so that the first is always the oldest.
    this.#keys.delete(id)
    this.#keys.set(id, { principal, digest, chargeId, at: now, state: 'open', openUntil: now + openMs })
    return undefined
  }

  #forgetKeys(now: number): void {
    for (const [id, { at, principal }] of this.#keys) {
      if (now - at < TASK_LIMITS.keyMs) return
      this.#keys.delete(id)
      const left = (this.#counts.get(principal) ?? 1) - 1
      if (left > 0) this.#counts.set(principal, left)
      else this.#counts.delete(principal)
    }
  }

  #take({ operation, chargeId, again }: BeginRequest, now: number): Failure | undefined {
    const noted = this.#failures.get(operation)
    if (noted === undefined) return undefined
    const mine = noted.find(({ takenBy }) => takenBy === chargeId)
    if (mine !== undefined || again) return mine?.failure
    const last = noted.findLast(({ takenBy, until }) => takenBy === undefined && now < until)
    if (last !== undefined) last.takenBy = chargeId
    return last?.failure
  }

  #giveBack(operation: string, chargeId: string): void {
    for (const each of this.#failures.get(operation) ?? []) if (each.takenBy === chargeId) each.takenBy = undefined
  }

  #note(operation: string, noted: Omit<NotedFailure, 'takenBy'>, now: number): void {
    const known = this.#failures.get(operation) ?? []
    if (known.some(({ chargeId }) => chargeId === noted.chargeId)) return
    const kept = known.filter(({ until }) => now < until)
    if (kept.length >= TASK_LIMITS.failures || !this.#hasRoom(operation, now)) return
    // At the end again, so that the first is the one that nothing happened to for the longest time.
    this.#failures.delete(operation)
    this.#failures.set(operation, [...kept, { ...noted, takenBy: undefined }])
  }

  // A failure that is not noted costs an agent one discount, and nobody a credit.
  #hasRoom(operation: string, now: number): boolean {
    for (const [oldest, noted] of this.#failures) {
      if (noted.some(({ until }) => now < until)) break
      this.#failures.delete(oldest)
    }
    return this.#failures.has(operation) || this.#failures.size < MOST_OPERATIONS
  }
}

function keyOf(principal: string, key: string): string {
  return `${principal} ${key}`
}
