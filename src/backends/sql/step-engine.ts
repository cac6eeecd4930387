import { Counters } from '../engine/counters.js'
import { Engine } from '../engine/engine.js'

/** The engine of one step. */
export class StepEngine extends Engine {
  /** Whether so many prefixes may only find room among those of a root in a search, for which all of them are needed. */
  static needsSearch(size: number, searchedAt: number | null, fresh: number, now: number): boolean {
    return new Counters(size, searchedAt ?? -Infinity).needsSearch(fresh, now)
  }

  /** Ends what is due. */
  sweep(): void {
    this.tick()
  }
}
