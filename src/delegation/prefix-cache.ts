import { BoundedMap } from './bounded-map.js'
import type { Link } from './verified-token.js'

interface Node {
  readonly link: Link
  readonly next: Map<string, Node>
}

interface Family {
  readonly root: Node
  size: number
}

/**
 * The prefixes of verified tokens, by what they say, so that a token costs no more than what it has beyond one that was
 * verified. A family is all that was made of one minted token; it goes as a whole, the one that was not asked for
 * longest first. Only what is proved comes in, so a stranger cannot fill it; who has a token can fill its own family,
 * which then begins anew.
 */
export class PrefixCache {
  readonly #most: number
  readonly #families = new BoundedMap<string, Family>(Infinity)
  #size = 0

  /** @param most how many prefixes are kept */
  constructor(most: number) {
    this.#most = most
  }

  /** How many prefixes are kept. */
  get size(): number {
    return this.#size
  }

  /** The links that are known of a token, the identifier's first. */
  find(identifier: string, caveats: readonly string[]): readonly Link[] {
    const links: Link[] = []
    let node = this.#families.get(identifier)?.root
    for (const caveat of [...caveats, undefined]) {
      if (node === undefined) break
      links.push(node.link)
      node = caveat === undefined ? undefined : node.next.get(caveat)
    }
    return links
  }

  /** Keeps the links of a token that is verified. */
  keep(identifier: string, caveats: readonly string[], links: readonly Link[]): void {
    const family = this.#familyOf(identifier, links)
    if (family === undefined) return
    let node = family.root
    caveats.forEach((caveat, i) => {
      const link = links[i + 1]
      const known = node.next.get(caveat)
      if (known === undefined && link !== undefined) {
        node.next.set(caveat, { link, next: new Map() })
        family.size++
        this.#size++
      }
      node = node.next.get(caveat) ?? node
    })
    while (this.#size > this.#most) this.#size -= this.#families.dropOldest()?.size ?? this.#size
  }

  #familyOf(identifier: string, links: readonly Link[]): Family | undefined {
    const known = this.#families.get(identifier)
    if (known !== undefined) return known
    const [first] = links
    if (first === undefined) return undefined
    const made: Family = { root: { link: first, next: new Map() }, size: 1 }
    this.#families.set(identifier, made)
    this.#size++
    return made
  }
}
