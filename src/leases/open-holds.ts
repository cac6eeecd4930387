import type { LocalHold } from './local-hold.js'

/** The open holds of a process, and no others: what is due is found among them. */
export class OpenHolds {
  #first: LocalHold | undefined = undefined

  add(hold: LocalHold): void {
    const first = this.#first
    if (first !== undefined) {
      hold.next = first
      first.previous = hold
    }
    this.#first = hold
  }

  remove(hold: LocalHold): void {
    const { previous, next } = hold
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next !== undefined) next.previous = previous
    hold.previous = undefined
    hold.next = undefined
  }

  /** Those whose time is up, in the order of their deadlines. */
  due(now: number): LocalHold[] {
    const due: LocalHold[] = []
    for (let hold = this.#first; hold !== undefined; hold = hold.next) if (hold.deadline <= now) due.push(hold)
    return due.sort((a, b) => a.deadline - b.deadline)
  }
}
