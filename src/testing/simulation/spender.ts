import { reach, type Sender } from './messages.js'
import type { BudgetResult, SpendRequest } from '../../budget/enforcer.js'
import type { SimulatedCall } from './tally.js'
import type { World } from './world.js'

/** One caller over a store of four verbs: it spends before the call, and what nobody answers is refused. */
export class Spender implements Sender {
  isDead = false
  readonly #world: World
  readonly #call: SimulatedCall
  readonly #request: SpendRequest

  constructor(world: World, count: number) {
    const cost = world.random.int(11)
    const id = `${world.clock.now().toString(36)}-${'0'.repeat(24)}-${count.toString(36)}`
    const lines = [{ budget: 'sim/main', amount: cost }]
    const asked = { cost, amount: cost, overage: 'cap' } as const
    this.#world = world
    this.#call = { id, lines, ...asked, isExecuted: false, isCovered: false, chargeable: undefined }
    this.#request = { chargeId: id, budget: 'sim/main', tool: 'work', cost }
    world.calls.set(id, this.#call)
  }

  /** Makes the call. */
  start(): void {
    reach(this.#world, this, { verb: 'spend', args: [this.#request] }, (answer) => {
      if ((answer as BudgetResult | undefined)?.allowed === true) this.#world.tally.execute(this.#call, true)
    })
  }
}
