import { FakeClock } from '../../src/testing/index.js'
import { InMemoryBudgetEnforcer } from '../../src/backends/memory/in-memory-budget-enforcer.js'
import { LeasedEnforcer } from '../../src/leases/index.js'
import { mintChargeId } from '../../src/core/ids.js'
import { Random } from '../../src/testing/random.js'
import type { LeasingEnforcer } from '../../src/budget/lease.js'

/** Processes of which the n-th makes an n-th of the calls of the first, until one of them is refused. */
export class ZipfWorld {
  readonly #clock = new FakeClock()
  readonly #random = new Random(7)
  readonly #store: InMemoryBudgetEnforcer
  readonly #weights: readonly number[]
  readonly #granted: number
  #requests = 0

  constructor(clients: number, granted: number) {
    this.#granted = granted
    this.#store = new InMemoryBudgetEnforcer({ clock: this.#clock })
    this.#store.initialize('main', granted)
    this.#weights = Array.from({ length: clients }, (_, n) => 1 / (n + 1))
  }

  async run() {
    const clock = this.#clock
    const store = this.#counted()
    const clients = await Promise.all(this.#weights.map(() => LeasedEnforcer.open({ store, clock })))
    let calls = 0
    for (;;) {
      const enforcer = clients[this.#next()]!
      const id = mintChargeId(clock.now())
      const lines = [{ budget: 'default/main', amount: 1 }]
      const answer = await enforcer.hold({ id, lines, ttlMs: 60_000, onExpire: 'capture' })
      if (answer.kind === 'refused') break
      await enforcer.capture({ id: `${id}.c`, holdId: id, amount: 1, overage: 'cap' })
      // A thousand calls in each second.
      if (++calls % 10 === 0) clock.advance(10)
    }
    const requests = this.#requests
    for (const client of clients) void client.shutdown()
    return { spent: calls, granted: this.#granted, requests, calls }
  }

  #next(): number {
    const all = this.#weights.reduce((sum, weight) => sum + weight, 0)
    let at = this.#random.next() * all
    return this.#weights.findIndex((weight) => (at -= weight) < 0)
  }

  #counted(): LeasingEnforcer {
    return new Proxy(this.#store, {
      get: (store, verb: keyof LeasingEnforcer) => {
        const ask = (store[verb] as (...args: unknown[]) => unknown).bind(store)
        return (...args: unknown[]) => (this.#requests++, ask(...args))
      },
    })
  }
}
