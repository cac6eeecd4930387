import { post, type Sender } from './messages.js'
import { PARENT, REGISTRATION } from './tokens.js'
import type { Conditions } from './conditions.js'
import type { EnforcerCall } from '../verbs.js'
import type { World } from './world.js'

const ignore = (): void => {}

/** Whoever owns the budgets: creates them, grants, delegates, reclaims, closes; and restarts, which creates them again. */
export class Operator implements Sender {
  isDead = false
  readonly #world: World
  readonly #conditions: Conditions
  #count = 0

  constructor(world: World, conditions: Conditions) {
    this.#world = world
    this.#conditions = conditions
  }

  /** Creates the budgets at once and plans the rest. */
  start(): void {
    const { random } = this.#world
    for (const call of this.#beginnings()) this.#world.after(0, () => this.#world.deliver(call, ignore))
    for (let n = random.int(3); n > 0; n--) this.#sometime(() => this.#again())
    for (let n = random.int(4); n > 0; n--) this.#sometime(() => this.#grant())
    for (let n = random.int(4); n > 0; n--) this.#sometime(() => this.#move('sim/main', 'sim/child'))
    for (let n = random.int(2); n > 0; n--) this.#sometime(() => this.#move('sim/child', 'sim/main'))
    if (random.chance(0.3)) this.#sometime(() => this.#close('sim/child'))
    if (random.chance(0.05)) this.#sometime(() => this.#close('sim/main'))
    if (this.#world.judgesTokens) this.#startTokens()
  }

  // An agent gets a budget of its own by token, more of it and less, and is revoked.
  #startTokens(): void {
    const { random } = this.#world
    if (random.chance(0.7)) this.#delegate()
    for (let n = random.int(3); n > 0; n--) this.#sometime(() => this.#topUp())
    if (random.chance(0.1)) this.#sometime(() => this.#delegate())
    if (random.chance(0.1)) this.#sometime(() => this.#revoke())
  }

  #delegate(): void {
    const { random, clock } = this.#world
    const expiresAt = random.chance(0.3) ? { expiresAt: clock.now() + random.int(3_000) } : {}
    const create = { registration: REGISTRATION, ...expiresAt }
    const amount = 1 + random.int(30)
    const request = { id: this.#id(), from: 'sim/main', to: 'sim/agent', amount, create, authority: PARENT }
    this.#post({ verb: 'transfer', args: [request] })
  }

  #topUp(): void {
    const amount = 1 + this.#world.random.int(15)
    const request = { id: this.#id(), from: 'sim/main', to: 'sim/agent', amount, authority: PARENT }
    this.#post({ verb: 'transfer', args: [request] })
  }

  #revoke(): void {
    const what = this.#world.random.pick([{ prefixId: 'root max' }, { prefixId: REGISTRATION }, { nonce: 'nonce' }])
    this.#post({ verb: 'revoke', args: [{ id: this.#id(), budget: 'sim/main', ...what }] })
  }

  #beginnings(): readonly EnforcerCall[] {
    const { credits } = this.#conditions
    return [
      { verb: 'initialize', args: ['sim/main', credits] },
      { verb: 'initialize', args: ['sim/side', Math.floor(credits / 2)] },
      { verb: 'initialize', args: ['sim/calls', 5] },
      { verb: 'initialize', args: ['sim/window', Math.floor(credits / 3)] },
    ]
  }

  #sometime(run: () => void): void {
    this.#world.after(this.#world.random.int(this.#conditions.spanMs), run)
  }

  #again(): void {
    for (const call of this.#beginnings()) this.#world.send(call, ignore)
  }

  #grant(): void {
    const budget = this.#world.random.pick(['sim/main', 'sim/side', 'sim/child'])
    this.#post({ verb: 'grant', args: [{ id: this.#id(), budget, amount: 1 + this.#world.random.int(20) }] })
  }

  #move(from: string, to: string): void {
    const amount = 1 + this.#world.random.int(15)
    const create = to === 'sim/child'
    this.#post({ verb: 'transfer', args: [{ id: this.#id(), from, to, amount, create }] })
  }

  #close(budget: string): void {
    this.#post({ verb: 'close', args: [{ id: this.#id(), budget, why: 'closed' }] })
  }

  #post(call: EnforcerCall): void {
    post(this.#world, this, call, ignore)
  }

  #id(): string {
    return `operator-${++this.#count}`
  }
}
