import type { EnforcerCall } from '../verbs.js'
import type { World } from './world.js'

/** How long a caller waits for the store; one retry of the same request follows. */
const TIMEOUT_MS = 250

/** How long a caller waits before it posts an end again that the store did not acknowledge. */
const RETRY_MS = 1_000

/** What sends requests: a caller, or an operator. Those who died hear nothing any more. */
export interface Sender {
  isDead: boolean
}

/** Asks the store with a time limit and one retry; `answered` gets `undefined` when there was no answer. */
export function reach(world: World, sender: Sender, call: EnforcerCall, answered: (answer: unknown) => void): void {
  let isDone = false
  const done = (answer: unknown): void => {
    if (isDone || sender.isDead) return
    isDone = true
    answered(answer)
  }
  world.send(call, done)
  world.after(TIMEOUT_MS, () => {
    if (isDone || sender.isDead) return
    world.send(call, done)
    world.after(TIMEOUT_MS, () => done(undefined))
  })
}

/** Asks until the store has answered: a known spend is never dropped. */
export function post(world: World, sender: Sender, call: EnforcerCall, answered: (answer: unknown) => void): void {
  reach(world, sender, call, (answer) => {
    if (answer !== undefined) answered(answer)
    else world.after(RETRY_MS, () => post(world, sender, call, answered))
  })
}
