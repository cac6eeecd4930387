import { compileRule, type MatchedPrice, type RuleContext } from './compile-rule.js'
import { FOLD_LIMIT, foldName, isPlainName, parsePattern } from './pattern.js'
import { Memo } from './memo.js'
import { entriesOf, pathTo } from './settings.js'
import { PrefixTrie } from './prefix-trie.js'
import type { PriceSource } from '../core/price.js'

/**
 * What a price list says of a name: its price; that it has none; or that it is none of the list's names but a server
 * may read it as `like`, so that no price is safe. `like` is `undefined` for a name too long to be compared.
 */
export type PriceMatch =
  MatchedPrice | { readonly kind: 'unpriced' } | { readonly kind: 'ambiguous'; readonly like: string | undefined }

/** A wildcard. Those whose prefixes differ only in letter case share one place of the trie. */
interface Wildcard {
  readonly prefix: string
  readonly match: MatchedPrice
}

const UNPRICED: PriceMatch = { kind: 'unpriced' }
const TOO_LONG: PriceMatch = { kind: 'ambiguous', like: undefined }

/** One list of prices: exact → longest wildcard → `*` → default. Finding takes no longer the more rules there are. */
export class PriceList {
  /** The exact names, and beside them their foldings: a name that is only a folding is ambiguous. */
  readonly #names = new Map<string, PriceMatch>()
  readonly #wildcards = new PrefixTrie<Wildcard[]>()
  readonly #memo = new Memo<PriceMatch>()
  #catchAll: MatchedPrice | undefined
  #default: MatchedPrice | undefined

  /**
   * @param path names the list in errors: empty, or `servers.github`
   * @throws BudgetError `invalid_config`, `invalid_credits`
   */
  constructor(
    list: { readonly costs: unknown; readonly defaultCost: unknown; readonly path: string },
    owner: Pick<PriceSource, 'server' | 'version'>,
    context: RuleContext,
  ) {
    const within = (key: string): string => (list.path === '' ? key : `${list.path}.${key}`)
    const compile = (rule: unknown, path: string, kind: PriceSource['rule'], pattern: string): MatchedPrice =>
      compileRule(rule, path, Object.freeze({ rule: kind, pattern, ...owner }), context)

    if (list.defaultCost !== undefined) {
      this.#default = compile(list.defaultCost, within('defaultCost'), 'default', 'defaultCost')
    }
    for (const [key, rule] of list.costs === undefined ? [] : entriesOf(list.costs, within('costs'))) {
      const path = pathTo(within('costs'), key)
      const pattern = parsePattern(key, path)
      const match = compile(rule, path, pattern.kind, key)
      if (pattern.kind === 'catch-all') this.#catchAll = match
      else if (pattern.kind === 'exact') this.#addExact(pattern.name, match)
      else this.#addWildcard(pattern.prefix, match)
    }
  }

  find(tool: string): PriceMatch {
    return this.#names.get(tool) ?? this.#memo.get(tool) ?? this.#search(tool)
  }

  #search(tool: string): PriceMatch {
    if (tool.length > FOLD_LIMIT) return TOO_LONG
    const plain = isPlainName(tool)
    const match = this.#match(tool, plain)
    // An odd name may be of any length: only plain ones are kept.
    if (plain) this.#memo.set(tool, match)
    return match
  }

  #match(tool: string, plain: boolean): PriceMatch {
    const folded = foldName(tool)
    const named = folded === tool ? undefined : this.#names.get(folded)
    if (named !== undefined) return named.kind === 'priced' ? looksLike(named) : named
    const wildcards = this.#wildcards.longest(folded)
    if (wildcards === undefined) return (plain ? this.#catchAll : undefined) ?? this.#default ?? UNPRICED
    // Written otherwise than the prefix, a name may still be that tool upstream: no shorter prefix may price it.
    const found = plain ? wildcards.find(({ prefix }) => tool.startsWith(prefix)) : undefined
    return found?.match ?? looksLike((wildcards[0] as Wildcard).match)
  }

  #addExact(name: string, match: MatchedPrice): void {
    this.#names.set(name, match)
    const folded = foldName(name)
    if (!this.#names.has(folded)) this.#names.set(folded, looksLike(match))
  }

  #addWildcard(prefix: string, match: MatchedPrice): void {
    this.#wildcards.at(foldName(prefix), () => []).push({ prefix, match })
  }
}

function looksLike(match: MatchedPrice): PriceMatch {
  return { kind: 'ambiguous', like: match.source.pattern }
}
