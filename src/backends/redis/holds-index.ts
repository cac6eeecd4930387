import { ReplayMemory } from '../memory/replay-memory.js'

/**
 * In which partition this process has seen a hold. The requests that end one do not say so: they are remembered as
 * long as answers are, and who knows nothing has to ask everywhere.
 */
export class HoldsIndex {
  readonly #partitions = new ReplayMemory<string>()

  note(holdId: string, partition: string): void {
    if (this.#partitions.get(holdId) === undefined) this.#partitions.set(holdId, partition, Date.now())
  }

  find(holdId: string): string | undefined {
    return this.#partitions.get(holdId)
  }
}
