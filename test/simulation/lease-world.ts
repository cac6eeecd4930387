import { InMemoryBudgetEnforcer } from '../../src/backends/memory/in-memory-budget-enforcer.js'
import { isBalanced } from '../../src/testing/conformance/invariants.js'
import { LeasedEnforcer, type LeaseJournal } from '../../src/leases/index.js'
import { mintChargeId } from '../../src/core/ids.js'
import { Random } from '../../src/testing/random.js'
import type { Clock } from '../../src/core/clock.js'
import type { LeaseRequest, LeasingEnforcer, SettleRequest } from '../../src/budget/lease.js'

/** What a planted mistake changes: the store, what a client sends, or what it believes. */
export interface Plant {
  readonly store?: (inner: InMemoryBudgetEnforcer, clock: Clock) => LeasingEnforcer
  /** How long a message takes at most, where the mistake only shows on a slow network. */
  readonly slow?: number
  /** Some messages come when nobody waits for them any more. */
  readonly late?: true
  /** Wraps the verbs of one client's store, before they go on the network. */
  readonly client?: (store: LeasingEnforcer, clock: Clock) => LeasingEnforcer
}

/** A rule that was broken. */
export class Broken extends Error {}

const BUDGET = 'default/main'
const TTL_MS = 2_000
const SPAN_MS = 4 * TTL_MS
const CLIENTS = 16
const TIMEOUT_MS = 400

/** Time that goes from one thing to the next. */
class Time implements Clock {
  #now = 1_800_000_000_000
  readonly #queue: Array<{ readonly at: number; readonly task: () => void }> = []

  now(): number {
    return this.#now
  }

  after(ms: number, task: () => void): () => void {
    const timer = { at: this.#now + ms, task }
    let i = this.#queue.length
    // The next stands last.
    while (i > 0 && this.#queue[i - 1]!.at <= timer.at) i--
    this.#queue.splice(i, 0, timer)
    return () => {
      const at = this.#queue.indexOf(timer)
      if (at !== -1) this.#queue.splice(at, 1)
    }
  }

  /** Lets the next thing happen, unless that is later. */
  next(until: number): boolean {
    const next = this.#queue.at(-1)
    if (next === undefined || next.at > until) {
      this.#now = until
      return false
    }
    this.#queue.pop()
    this.#now = next.at
    next.task()
    return true
  }
}

/** A clock that runs faster or slower than time does. */
function skewed(base: Clock, rate: number): Clock {
  const began = base.now()
  return {
    now: () => Math.floor(began + (base.now() - began) * rate),
    after: (ms, task) => base.after(ms / rate, task),
  }
}

/** One process: its leases, its journal, and the calls it makes. */
class Client {
  enforcer!: LeasedEnforcer
  isDead = false
  readonly claims = new Map<string, number>()
  readonly clock: Clock
  cutUntil = 0

  constructor(base: Clock, rate: number) {
    const { now, after } = skewed(base, rate)
    // The dead do nothing any more.
    this.clock = { now, after: (ms, task) => after(ms, () => void (this.isDead || task())) }
  }

  get journal(): LeaseJournal {
    const { claims } = this
    return {
      before: new Map(),
      claim: (leaseId, upTo) => void claims.set(leaseId, upTo),
      forget: (leaseId) => void claims.delete(leaseId),
      close: () => {},
    }
  }
}

/** A history of processes that lease from one store, over a network that loses, doubles and delays, decided by a seed. */
export class LeaseWorld {
  readonly clock = new Time()
  readonly random: Random
  readonly store: LeasingEnforcer
  readonly inner: InMemoryBudgetEnforcer
  executed = 0
  events = 0
  granted: number
  readonly #loss: number
  readonly #delayMs: number
  readonly #clients: Client[] = []
  readonly #plant: Plant
  /** Charged, and rightly not executed: calls of the dead, and what a journal only said may have been used. */
  #excused = 0
  #forfeited = 0
  /** The leases that were given, and those that somebody has ended. */
  readonly #lent = new Set<string>()
  readonly #over = new Set<string>()
  #failure: Error | undefined

  constructor(seed: number, plant: Plant = {}) {
    this.random = new Random(seed)
    this.#plant = plant
    this.granted = 100 + this.random.int(2_000)
    this.#loss = this.random.pick([0, 0.02, 0.1])
    this.#delayMs = plant.slow ?? this.random.pick([5, 60, 390, 900])
    const clock = skewed(this.clock, this.#skew())
    this.inner = new InMemoryBudgetEnforcer({ clock })
    this.store = plant.store?.(this.inner, clock) ?? this.inner
    this.inner.initialize(BUDGET, this.granted)
  }

  /** Lets it happen, to the end. @throws Broken */
  async run(calls: number): Promise<void> {
    for (let n = 0; n < CLIENTS; n++) await this.#begin()
    for (let n = 0; n < calls; n++) this.#later(this.random.int(SPAN_MS), () => this.#call())
    for (let n = this.random.int(3); n > 0; n--) this.#later(this.random.int(SPAN_MS), () => this.#crash())
    for (let n = this.random.int(12); n > 0; n--) this.#later(this.random.int(SPAN_MS), () => this.#cut())
    await this.#pass(SPAN_MS + 2_000)
    for (const client of this.#clients) client.cutUntil = 0
    // Nobody loses anything any more, so that the end is the same for all.
    const done = Promise.all(this.#clients.filter(({ isDead }) => !isDead).map(({ enforcer }) => enforcer.shutdown()))
    await this.#pass(60_000)
    await done
    this.#judgeEnd()
  }

  #skew(): number {
    return 0.98 + this.random.next() * 0.04
  }

  async #begin(): Promise<void> {
    const client = new Client(this.clock, this.#skew())
    const far = this.#far(client)
    const store = this.#plant.client?.(far, client.clock) ?? far
    const { clock, journal } = client
    const options = {
      store,
      clock,
      journal,
      ttlMs: TTL_MS,
      most: this.random.pick([8, 24, 200]),
      storeTimeoutMs: Math.max(TIMEOUT_MS, 2 * this.#delayMs),
    }
    client.enforcer = await LeasedEnforcer.open(options)
    this.#clients.push(client)
  }

  /** The store, as a client reaches it. */
  #far(client: Client): LeasingEnforcer {
    const ask = (verb: string) => (request: unknown) =>
      new Promise((resolve) => {
        const copies = this.random.chance(this.#loss) ? 2 : 1
        for (let n = 0; n < copies; n++) this.#travel(client, () => this.#arrive(client, verb, request, resolve))
      })
    const verbs = ['hold', 'capture', 'release', 'extend', 'lease', 'renew', 'settle', 'reconcile']
    return Object.fromEntries(verbs.map((verb) => [verb, ask(verb)])) as unknown as LeasingEnforcer
  }

  #travel(client: Client, arrive: () => void): void {
    if (client.isDead || this.random.chance(this.#loss) || this.clock.now() < client.cutUntil) return
    const isLate = this.#plant.late === true && this.random.chance(0.1)
    this.#later(this.random.int(isLate ? 2 * TTL_MS : this.#delayMs), arrive)
  }

  #arrive(client: Client, verb: string, request: unknown, resolve: (answer: unknown) => void): void {
    const answer = (this.store as unknown as Record<string, (request: unknown) => unknown>)[verb]!(request)
    this.#judgeLease(verb, request as SettleRequest & LeaseRequest, answer as { readonly kind: string })
    const { forfeited = 0 } = this.inner.describe(BUDGET)
    if (forfeited > this.#forfeited) this.#succeed()
    this.#forfeited = forfeited
    this.#judge()
    this.#travel(client, () => resolve(answer))
  }

  // Somebody who has a process's journal gives back what it cannot have used, as soon as its time is up, and believes
  // that it is dead, whether it is or not.
  #succeed(): void {
    for (const { claims } of this.#clients) {
      for (const [leaseId, used] of claims) {
        const answer = this.store.reconcile({ id: `${leaseId}.o`, leaseId, used }) as { readonly kind: string }
        if (answer.kind === 'reconciled') this.#excused += used
      }
    }
  }

  #call(): void {
    const alive = this.#clients.filter(({ isDead }) => !isDead)
    // The first are asked most.
    const client = alive[Math.floor(alive.length * this.random.next() ** 2)]
    if (client === undefined) return
    const amount = this.random.pick([1, 1, 2, 5, 30])
    const id = mintChargeId(client.clock.now())
    const lines = [{ budget: BUDGET, amount }]
    const request = { id, lines, ttlMs: 2 * TTL_MS, onExpire: 'capture' } as const
    let isDecided = false
    const ask = (): void => void Promise.resolve(client.enforcer.hold(request)).then(decide)
    const decide = (answer: { readonly kind: string }): void => {
      if (isDecided || client.isDead) return
      isDecided = true
      if (answer.kind === 'held') this.#try(() => this.#execute(client, id, amount, lines))
    }
    ask()
    this.#later(TIMEOUT_MS, () => (isDecided ? undefined : ask()))
    this.#later(2 * TIMEOUT_MS, () => {
      if (isDecided) return
      isDecided = true
      // It may be held, or will be: nobody knows until it is given back.
      this.#until(client, amount, () => client.enforcer.release({ id: `${id}.r`, holdId: id }))
    })
  }

  #execute(client: Client, id: string, amount: number, lines: Array<{ budget: string; amount: number }>): void {
    const fails = this.random.chance(0.2)
    if (!fails) this.executed += amount
    this.#judge()
    const end = (): unknown =>
      fails
        ? client.enforcer.release({ id: `${id}.r`, holdId: id })
        : client.enforcer.capture({ id: `${id}.c`, holdId: id, amount, overage: 'cap', lines })
    this.#later(this.random.int(1_000), () => this.#until(client, fails ? amount : 0, end))
  }

  /** Asks until there is an answer, as an outbox does; who dies before has charged `amount` for nothing. */
  #until(client: Client, amount: number, ask: () => unknown): void {
    let isDone = false
    const tries = (): void => {
      if (isDone) return
      if (client.isDead) {
        isDone = true
        this.#excused += amount
        return
      }
      void Promise.resolve(ask()).then((answer) => {
        // Its time was up before this came through.
        if (!isDone && (answer as { readonly kind: string }).kind === 'refused') this.#excused += amount
        isDone = true
      })
      this.#later(300, tries)
    }
    tries()
  }

  #crash(): void {
    const client = this.random.pick(this.#clients)
    client.isDead = true
  }

  #cut(): void {
    this.random.pick(this.#clients).cutUntil = this.clock.now() + this.random.int(2 * TTL_MS)
  }

  #later(ms: number, run: () => void): void {
    this.clock.after(ms, () => {
      this.events++
      this.#try(run)
    })
  }

  #try(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#failure ??= error as Error
    }
  }

  async #pass(ms: number): Promise<void> {
    const until = this.clock.now() + ms
    for (;;) {
      for (let n = 0; n < 12; n++) await undefined
      if (this.#failure !== undefined) throw this.#failure
      if (!this.clock.next(until)) break
    }
  }

  // Whatever ran, or is allowed to, is paid for or put aside.
  #judge(): void {
    const { spent, held, available } = this.inner.describe(BUDGET)
    if (this.executed > spent + held) throw new Broken(`executed ${this.executed}, of ${spent} spent and ${held} held`)
    if (this.executed > this.granted - available) throw new Broken(`executed ${this.executed} of ${this.granted}`)
  }

  // Whoever has ended a lease that was not there does not use it when it comes.
  #judgeLease(verb: string, { id, leaseId }: SettleRequest & LeaseRequest, { kind }: { readonly kind: string }): void {
    if (verb === 'settle' && kind === 'refused') this.#over.add(leaseId)
    if (verb === 'lease' && kind === 'leased' && !this.#lent.has(id)) {
      if (this.#over.has(id)) throw new Broken('a lease came after its end')
      this.#lent.add(id)
    }
  }

  #judgeEnd(): void {
    const view = this.inner.describe(BUDGET)
    this.#judge()
    if (!isBalanced(view)) throw new Broken('the balance is none')
    if (view.held > 0 || (view.leased ?? 0) > 0) throw new Broken(`${view.held} are still held`)
    const free = view.spent - this.executed - (view.forfeited ?? 0) - this.#excused
    if (free > 0) throw new Broken(`${view.spent} spent for ${this.executed}: ${free} for nothing`)
  }
}
