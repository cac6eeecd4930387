import { insist } from './violation.js'
import { post, reach, type Sender } from './messages.js'
import { tokenCall } from './tokens.js'
import type { CaptureResult, HoldLine, HoldRequest, HoldResult, LineWindow } from '../../budget/enforcer.js'
import type { Conditions } from './conditions.js'
import type { EnforcerCall } from '../verbs.js'
import type { SimulatedCall } from './tally.js'
import type { World } from './world.js'

/** What becomes of a call that was let through. */
type Fate = 'result' | 'not-run' | 'lost' | 'cancelled' | 'crash-before' | 'crash-after'

const FATES: readonly Fate[] = ['result', 'result', 'result', 'result', 'not-run', 'lost', 'cancelled']

/** How long a window of the budget `sim/window` is. */
const WINDOW_MS = 700

/** Who pays; the first two for those who pass a store that is out of reach. */
const LINES: ReadonlyArray<(cost: number, window: LineWindow) => readonly HoldLine[]> = [
  (cost) => [{ budget: 'sim/main', amount: cost }],
  (cost) => [{ budget: 'sim/main', amount: cost }],
  (cost) => [{ budget: 'sim/child', amount: cost }],
  (cost) => [
    { budget: 'sim/main', amount: cost },
    { budget: 'sim/side', amount: cost },
  ],
  (cost) => [
    { budget: 'sim/side', amount: cost },
    { budget: 'sim/calls', amount: 1, unit: 'calls' },
  ],
  (cost, window) => [{ budget: 'sim/window', amount: cost, window }],
  (cost, window) => [
    { budget: 'sim/side', amount: cost },
    { budget: 'sim/window', amount: cost, window },
  ],
]

/** The windows around a moment. */
function windowsAround(now: number): LineWindow {
  const start = Math.floor(now / WINDOW_MS) * WINDOW_MS
  return {
    previous: [start - WINDOW_MS, start],
    current: [start, start + WINDOW_MS],
    next: [start + WINDOW_MS, start + 2 * WINDOW_MS],
  }
}

/**
 * One caller with one call, as `withBudget` makes it: hold, send, then capture, release, or leave the hold to its
 * deadline. Every retry repeats the same request. A hold that nobody answers is released, or, with `failMode: open`,
 * the call runs all the same and is charged later.
 */
export class Caller implements Sender {
  isDead = false
  readonly #world: World
  readonly #call: SimulatedCall
  readonly #hold: HoldRequest
  readonly #fate: Fate
  readonly #isOpen: boolean
  readonly #keepsAlive: boolean
  readonly #durationMs: number

  constructor(world: World, conditions: Conditions, count: number) {
    const { random } = world
    const id = `${world.clock.now().toString(36)}-${'0'.repeat(24)}-${count.toString(36)}`
    const cost = random.int(11)
    this.#world = world
    this.#isOpen = random.chance(0.1)
    this.#keepsAlive = random.chance(0.5)
    this.#durationMs = random.int(random.chance(0.2) ? conditions.ttlMs * 2 : 200)
    this.#fate = random.chance(conditions.crashes) ? random.pick(['crash-before', 'crash-after']) : random.pick(FATES)
    const skewMs = random.pick([0, 0, 0, -WINDOW_MS, WINDOW_MS, 3 * WINDOW_MS])
    const windows = windowsAround(world.clock.now() + skewMs)
    const byToken = world.judgesTokens && !this.#isOpen && random.chance(0.3) ? tokenCall(random, cost) : undefined
    const lines = byToken?.lines ?? random.pick(this.#isOpen ? LINES.slice(0, 2) : LINES)(cost, windows)
    const amount = this.#fate === 'cancelled' ? cost : random.chance(0.6) ? cost : random.int(cost + 4)
    const overage = random.chance(0.7) && !this.#isOpen ? 'cap' : 'debt'
    this.#call = { id, lines, cost, amount, overage, isExecuted: false, isCovered: false, chargeable: undefined }
    const onExpire = random.chance(0.5) ? 'capture' : 'release'
    const overdraft = random.chance(0.1)
    const token = byToken && { authority: byToken.authority }
    this.#hold = { id, lines, ttlMs: conditions.ttlMs, onExpire, overdraft, meta: { tool: 'work' }, ...token }
    world.calls.set(id, this.#call)
  }

  /** Makes the call. */
  start(): void {
    reach(this.#world, this, { verb: 'hold', args: [this.#hold] }, (answer) => {
      if (answer !== undefined) {
        if ((answer as HoldResult).kind === 'held') this.#forward()
      } else if (this.#isOpen) this.#forward()
      else this.#release()
    })
  }

  #forward(): void {
    const world = this.#world
    if (this.#fate === 'crash-before') this.isDead = true
    else if (this.#fate === 'not-run') this.#release()
    else {
      world.tally.execute(this.#call, this.#isAnsweredFor())
      if (this.#keepsAlive) this.#extendLater()
      world.after(this.#durationMs, () => this.#finish())
    }
  }

  /** Whether the store holds, or took, what the call costs. Policy may have given it back before the call began. */
  #isAnsweredFor(): boolean {
    const hold = this.#world.oracle.holds.all.get(this.#call.id)
    if (hold === undefined) return false
    return (
      hold.state === 'open' || hold.state === 'captured' || (hold.state === 'expired' && hold.onExpire === 'capture')
    )
  }

  #finish(): void {
    if (this.#fate === 'result' || this.#fate === 'cancelled') this.#capture()
    this.#isFinished = true
    if (this.#fate === 'crash-after') this.isDead = true
  }

  #isFinished = false

  #capture(): void {
    const { id, amount, overage, lines } = this.#call
    const request = { id: `${id}.c`, holdId: id, amount, overage, lines, meta: { tool: 'work' } }
    post(this.#world, this, { verb: 'capture', args: [request] }, (answer) => {
      const hold = this.#world.oracle.holds.all.get(id)
      const isCharged = (answer as CaptureResult).kind === 'captured'
      const isPolicy = hold?.state === 'expired' && hold.onExpire === 'capture'
      insist(isCharged || isPolicy, 'I7', () => `${id} ran, and its capture was answered ${JSON.stringify(answer)}`)
    })
  }

  #release(): void {
    const call: EnforcerCall = { verb: 'release', args: [{ id: `${this.#call.id}.r`, holdId: this.#call.id }] }
    post(this.#world, this, call, () => {})
  }

  // A seat extends the holds of its pending calls at half their time.
  #extendLater(): void {
    const { ttlMs, id: holdId } = this.#hold
    this.#world.after(ttlMs / 2, () => {
      if (this.isDead || this.#isFinished) return
      // Now and then as a further round, which may come twice.
      const round = this.#world.random.chance(0.2) ? { round: 1 + this.#world.random.int(3) } : {}
      const id = `${holdId}.x${this.#world.clock.now()}`
      reach(this.#world, this, { verb: 'extend', args: [{ id, holdId, ttlMs, ...round }] }, () => {})
      this.#extendLater()
    })
  }
}
