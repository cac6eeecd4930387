import { compileRule, type MatchedPrice, type RuleContext } from './compile-rule.js'
import { FOLD_LIMIT, foldName, isPlainName, patternKind } from '../core/pattern.js'
import { entriesOf } from './settings.js'
import { Prefixes } from '../core/prefixes.js'
import type { PriceSource } from '../core/price.js'

/**
 * What a price list says of a name: its price; that it has none; or that it is none of the list's names but a server
 * may read it as `like`, so that no price is safe. `like` is `undefined` for a name too long to be compared.
 */
export type PriceMatch =
  MatchedPrice | { readonly kind: 'unpriced' } | { readonly kind: 'ambiguous'; readonly like: string | undefined }

/** How many names that were searched for are remembered. */
export const MEMO_NAMES = 2_048

const UNPRICED: PriceMatch = { kind: 'unpriced' }

/** One list of prices: exact → longest wildcard → `*` → default. Finding takes no longer the more rules there are. */
export class PriceList {
  /** The exact names, and beside them their foldings: a name that is only a folding is ambiguous. */
  readonly #names = new Map<string, PriceMatch>()
  /** By their folded prefixes: those that differ only in letter case share one place. */
  readonly #wildcards = new Prefixes<MatchedPrice[]>()
  /** Answers for plain names that were searched for. */
  readonly #memo = new Map<string, PriceMatch>()
  #catchAll: MatchedPrice | undefined
  readonly #default: PriceMatch

  /**
   * @param path goes before a setting's name in errors: empty, or `servers.github.`
   * @throws BudgetError `invalid_config`, `invalid_credits`
   */
  constructor(
    { costs, defaultCost }: { readonly costs?: unknown; readonly defaultCost?: unknown },
    path: string,
    owner: Pick<PriceSource, 'server' | 'version'>,
    context: RuleContext,
  ) {
    const compile = (rule: unknown, at: string, kind: PriceSource['rule'], pattern: string): MatchedPrice =>
      compileRule(rule, at, Object.freeze({ rule: kind, pattern, ...owner }), context)

    this.#default =
      defaultCost === undefined ? UNPRICED : compile(defaultCost, `${path}defaultCost`, 'default', 'defaultCost')
    for (const [key, rule, at] of entriesOf(costs, `${path}costs`)) {
      const kind = patternKind(key, at)
      const match = compile(rule, at, kind, key)
      if (kind === 'catch-all') this.#catchAll = match
      else if (kind === 'wildcard') this.#wildcards.at(foldName(key.slice(0, -1)), () => []).push(match)
      else {
        this.#names.set(key, match)
        const folded = foldName(key)
        if (!this.#names.has(folded)) this.#names.set(folded, looksLike(match))
      }
    }
  }

  find(tool: string): PriceMatch {
    return this.#names.get(tool) ?? this.#memo.get(tool) ?? this.#search(tool)
  }

  #search(tool: string): PriceMatch {
    if (tool.length > FOLD_LIMIT) return looksLike(undefined)
    const plain = isPlainName(tool)
    const match = this.#match(tool, plain)
    if (!plain) return match // Of any length, so it is not kept.
    // Names that somebody makes up must not fill the memory; what is forgotten is searched for again.
    if (this.#memo.size >= MEMO_NAMES) this.#memo.clear()
    this.#memo.set(tool, match)
    return match
  }

  #match(tool: string, plain: boolean): PriceMatch {
    const folded = foldName(tool)
    const named = folded === tool ? undefined : this.#names.get(folded)
    if (named !== undefined) return named.kind === 'priced' ? looksLike(named) : named
    const wildcards = this.#wildcards.longest(folded)
    if (wildcards === undefined) return (plain ? this.#catchAll : undefined) ?? this.#default
    // Written otherwise than the prefix, a name may still be that tool upstream: no shorter prefix may price it.
    const found = plain ? wildcards.find(({ source }) => tool.startsWith(source.pattern.slice(0, -1))) : undefined
    return found ?? looksLike(wildcards[0])
  }
}

function looksLike(match: MatchedPrice | undefined): PriceMatch {
  return { kind: 'ambiguous', like: match?.source.pattern }
}
