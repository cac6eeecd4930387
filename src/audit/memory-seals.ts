import { chainKey } from './chain.js'
import type { ChainName, Seal, SealStore } from '../ledger/seal.js'

/** Seals in this process's memory: for tests. */
export class MemorySeals implements SealStore {
  readonly #chains = new Map<string, Seal[]>()

  add(seal: Seal): boolean {
    const chain = this.#chains.get(chainKey(seal)) ?? []
    if (chain.some(({ after }) => after === seal.after)) return false
    this.#chains.set(chainKey(seal), [...chain, { ...seal }])
    return true
  }

  read({ after, limit, ...name }: ChainName & { readonly after: number; readonly limit: number }): readonly Seal[] {
    const chain = this.#chains.get(chainKey(name)) ?? []
    return chain.filter(({ seq }) => seq > after).slice(0, limit)
  }

  heads(): readonly Seal[] {
    return [...this.#chains.values()].flatMap((chain) => chain.slice(-1))
  }
}
