import macaroon from 'macaroon'
import { builtDelegation } from './support/built-delegation.js'
import { compare, comparisonFigures, interleave, type Side } from './support/interleave.js'
import { controlOf, figure, quietly, ratioOf, type Figures, type Goal } from './support/goal.js'
import { p10 } from './support/stats.js'

const { attenuate, KeyRing, mint, TokenVerifier } = builtDelegation
const BLOCKS = { calls: 20, blocks: 400, warmUp: 100 }

const master = globalThis.crypto.getRandomValues(new Uint8Array(32))
const keys = new KeyRing({ current: { kid: 'k1', key: master } })
const { root } = await keys.keysOf('k1', 'acme')

/** A token of so many caveats, as an operator and a few agents would have made it. */
async function tokenOf(caveats: number): Promise<string> {
  let token = await mint(keys, { budget: 'acme/agent-1', exp: 'never', aud: 'gateway-1' })
  for (let i = 3; i < caveats; i++)
    token = attenuate(token, i % 2 === 0 ? { call: 100 - i } : { tool: [`web_${i}*`, '*'] })
  return token
}

/** The package: reads the binary form and verifies, with a check that lets everything pass. */
function theirs<Name extends string>(name: Name, token: string): Side & { readonly name: Name } {
  const text = token.slice('mcpb_'.length)
  const { importMacaroon } = macaroon as unknown as {
    importMacaroon(from: Uint8Array): { verify(key: Uint8Array, check: () => null): void }
  }
  return {
    name,
    block(calls) {
      for (let i = 0; i < calls; i++) importMacaroon(Buffer.from(text, 'base64url')).verify(root, () => null)
    },
  }
}

/** Ours: a verifier with a memory of `remember` tokens, which may have seen the token before. */
function ours<Name extends string>(name: Name, token: string, remember: number): Side & { readonly name: Name } {
  const verifier = new TokenVerifier({ keys, remember, limits: { caveats: 100, text: 100_000 } })
  return {
    name,
    block(calls) {
      for (let i = 0; i < calls; i++) prove(verifier.verify(token))
    },
  }
}

/** Children of a token that is known, each with one caveat that is not. */
function children<Name extends string>(name: Name, parent: string): Side & { readonly name: Name } {
  const verifier = new TokenVerifier({ keys })
  let texts: string[] = []
  return {
    name,
    prepare(calls) {
      prove(verifier.verify(parent))
      texts = Array.from({ length: calls }, () => attenuate(parent, { max: 50 }))
    },
    block(calls) {
      for (let i = 0; i < calls; i++) prove(verifier.verify(texts[i]))
    },
  }
}

function prove(answer: unknown): void {
  if ((answer as { kind?: string }).kind !== 'verified') throw new Error(JSON.stringify(answer))
}

async function against(
  base: Side & { name: 'base' },
  other: Side & { name: 'other' },
  control: Side,
): Promise<Figures> {
  const times = await interleave([base, other, { ...control, name: 'control' as const }], BLOCKS)
  return {
    ...comparisonFigures('other', compare(times.base, times.other)),
    ...comparisonFigures('control', compare(times.base, times.control)),
    base: p10(times.base),
    other: p10(times.other),
  }
}

const cold = (caveats: number) => async (): Promise<Figures> => {
  const token = await tokenOf(caveats)
  return against(theirs('base', token), ours('other', token, 0), theirs('control', token))
}

const LINES = [
  { variant: 'cold, 3 caveats, against the package', goal: 0.25, run: cold(3) },
  { variant: 'cold, 8 caveats, against the package', goal: 0.25, run: cold(8) },
  { variant: 'cold, 30 caveats, against the package', goal: 0.25, run: cold(30) },
  {
    variant: 'again, 8 caveats, against cold',
    goal: 0.005,
    run: async () => {
      const token = await tokenOf(8)
      return against(ours('base', token, 0), ours('other', token, 10), ours('control', token, 0))
    },
  },
  {
    variant: 'one caveat more than a known token of 8, against cold',
    goal: undefined,
    run: async () => {
      const token = await tokenOf(8)
      const child = attenuate(token, { max: 50 })
      return against(ours('base', child, 0), children('other', token), ours('control', child, 0))
    },
  },
] as const

export const goal: Goal = {
  id: 'P7',
  title: 'verifying a token, ids of all prefixes included, against the package macaroon',
  variants: Object.fromEntries(LINES.map(({ variant, run }) => [variant, run])),
  async *measure(run) {
    for (const { variant, goal: atMost } of LINES) {
      const figures = await quietly(() => run(variant), 'control')
      const { value, note } = ratioOf(figures, 'other')
      const us = [figure(figures, 'other'), figure(figures, 'base')].map((ns) => (ns / 1_000).toFixed(1))
      yield {
        what: variant,
        unit: '×',
        value,
        ...(atMost !== undefined && { goal: atMost }),
        control: controlOf(figures, 'control'),
        note: `${note}  ${us.join(' against ')} µs`,
      }
    }
  },
}
