import { built } from './support/built.js'
import { builtDelegation } from './support/built-delegation.js'
import { bytesOf } from '../src/delegation/bytes.js'
import { ChargeIds } from './support/charge-ids.js'
import { compare, comparisonFigures, interleave, type Side } from './support/interleave.js'
import { controlOf, figure, quietly, ratioOf, type Figures, type Goal } from './support/goal.js'
import { encodeToken } from '../src/delegation/codec.js'
import { macChain } from '../src/delegation/mac-chain.js'
import { p10 } from './support/stats.js'
import type { Authority, InMemoryBudgetEnforcer } from 'mcp-budget'

const { clear, KeyRing, TokenVerifier } = builtDelegation
const BLOCKS = { calls: 500, blocks: 400, warmUp: 100 }
const DEEP = 14
/** More than the store remembers: past it, each call makes it forget one. */
const AGE = 110_000

const keys = new KeyRing({ current: { kid: 'k1', key: globalThis.crypto.getRandomValues(new Uint8Array(32)) } })
const verifier = new TokenVerifier({ keys })

/** A token on the budget at the end of a chain of so many children. */
async function tokenOf(depth: number): Promise<string> {
  const names = Array.from({ length: depth }, (_, i) => `budget=${String(i + 1).padStart(22, 'c')}`)
  const texts = [`b1.k1.acme.agent-1.1000.${'A'.repeat(22)}`, 'exp=253402300799', ...names]
  const messages = texts.map(bytesOf)
  const { chain } = await keys.keysOf('k1', 'acme')
  const signature = (await macChain(chain, messages)).at(-1) as Uint8Array
  const [identifier, ...caveats] = messages as [Uint8Array, ...Uint8Array[]]
  return encodeToken({ location: undefined, identifier, caveats, signature })
}

function authorityOf(token: string): Authority {
  const verified = verifier.verify(token)
  if (!('kind' in verified) || verified.kind === 'refused') throw new Error(JSON.stringify(verified))
  const cleared = clear(verified, { op: 'call', now: Date.now(), tool: 'echo', cost: 5 })
  if (cleared.kind === 'refused') throw new Error(cleared.reason)
  return cleared.authority
}

/** A store with the whole chain, each budget carved from the one before it. */
async function carved(depth: number): Promise<{ readonly store: InMemoryBudgetEnforcer; readonly token: string }> {
  const store = new built.InMemoryBudgetEnforcer()
  store.initialize('acme/agent-1', 1e15)
  for (let level = 1; level <= depth; level++) {
    const { budget: from } = authorityOf(await tokenOf(level - 1))
    const { budget: to, prefixIds } = authorityOf(await tokenOf(level))
    const create = { registration: prefixIds.at(-1) as string }
    const answer = store.transfer({ id: `level-${level}`, from, to, amount: 1e15 - level, create })
    if (answer.kind === 'refused') throw new Error(answer.reason)
  }
  return { store, token: await tokenOf(depth) }
}

/** A call by token: verified, cleared, priced, held and captured. */
async function endToEnd<Name extends string>(name: Name, depth: number): Promise<Side & { readonly name: Name }> {
  const { store, token } = await carved(depth)
  const meter = built.compose(
    built.withDelegation({ keys }),
    built.withCostProfile({ defaultCost: 5 }),
    built.withBudget({ enforcer: store }),
  )
  const run = async (calls: number): Promise<void> => {
    for (let i = 0; i < calls; i++) {
      const outcome = await meter.run({ tool: 'echo', token }, () => ({ content: [] }))
      if (outcome.kind !== 'result') throw new Error(outcome.kind)
    }
  }
  await run(AGE)
  return { name, block: run }
}

/** The store alone. */
async function holdAndCapture<Name extends string>(name: Name, depth: number): Promise<Side & { readonly name: Name }> {
  const { store, token } = await carved(depth)
  const authority = authorityOf(token)
  const ids = new ChargeIds()
  const block = (calls: number): void => {
    for (let i = 0; i < calls; i++) {
      const id = ids.take(i)
      const lines = [{ budget: authority.budget, amount: 5 }]
      const held = store.hold({ id, lines, ttlMs: 120_000, onExpire: 'capture', authority })
      const end = store.capture({ id: `${id}.c`, holdId: id, amount: 5, overage: 'cap' })
      if (held.kind !== 'held' || end.kind !== 'captured') throw new Error(`${held.kind}, ${end.kind}`)
    }
  }
  ids.prepare(AGE)
  block(AGE)
  return { name, prepare: (calls) => ids.prepare(calls), block }
}

async function deepAgainstFlat(
  make: <Name extends string>(name: Name, depth: number) => Promise<Side & { readonly name: Name }>,
): Promise<Figures> {
  const sides = [await make('flat', 1), await make('deep', DEEP), await make('control', 1)]
  const times = await interleave(sides, BLOCKS)
  return {
    ...comparisonFigures('deep', compare(times.flat, times.deep)),
    ...comparisonFigures('control', compare(times.flat, times.control)),
    flat: p10(times.flat),
    deep: p10(times.deep),
  }
}

const LINES = [
  { variant: 'a call by token, verified before', goal: 1.1, run: () => deepAgainstFlat(endToEnd) },
  { variant: 'hold and capture alone', goal: undefined, run: () => deepAgainstFlat(holdAndCapture) },
] as const

export const goal: Goal = {
  id: 'P4',
  title: `a budget that was delegated ${DEEP} times, against one that was delegated once`,
  variants: Object.fromEntries(LINES.map(({ variant, run }) => [variant, run])),
  async *measure(run) {
    for (const { variant, goal: atMost } of LINES) {
      const figures = await quietly(() => run(variant), 'control')
      const { value, note } = ratioOf(figures, 'deep')
      const ns = `${figure(figures, 'deep').toFixed(0)} against ${figure(figures, 'flat').toFixed(0)} ns`
      yield {
        what: variant,
        unit: '×',
        value,
        ...(atMost !== undefined && { goal: atMost }),
        control: controlOf(figures, 'control'),
        note: `${note}  ${ns}`,
      }
    }
  },
}
