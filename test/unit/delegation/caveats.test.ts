import { describe, expect, test } from 'vitest'
import { caveatHolds, parseCaveat, type Caveat, type CaveatKind } from '../../../src/delegation/caveat.js'
import { BUILT_IN, caveatKinds } from '../../../src/delegation/caveats/kinds.js'
import type { ClearRequest } from 'mcp-budget/delegation'
import vectors from '../../vectors/caveat-cases.json' with { type: 'json' }

const kinds = caveatKinds()
const place = { tenant: 'acme', budgetsAfter: 0 }
const call: ClearRequest = { op: 'call', now: 1_000_000, tool: 'web_search', server: 's1', args: {}, cost: 5 }
const hash = 'A'.repeat(43)

/** Whether a caveat that can be read holds for a call that is a little different. */
function holds(text: string, request: Partial<ClearRequest> = {}): boolean {
  const caveat = parseCaveat(text, kinds)
  if (typeof caveat === 'string') throw new Error(`${text} is ${caveat}`)
  return caveatHolds(caveat, { ...call, ...request }, place)
}

describe('a caveat of the vectors', () => {
  test.each(vectors.parse)('%j is read, or denies the token [T03, L-S44]', ({ caveat, ok }) => {
    expect(typeof parseCaveat(caveat, kinds) === 'object').toBe(ok)
  })

  test('is there in the number that was handed over', () => {
    expect([vectors.parse.length, vectors.evaluate.length]).toEqual([96, 69])
  })
})

describe('a caveat', () => {
  test.each([
    ['calls=0', true],
    ['calls=1.5', false],
    ['calls=5/', false],
    ['calls=5/abcdef/abcdef', false],
    ['max=-1', false],
    ['max=-0', false],
    ['max=00', false],
    ['max=5/ab cdef', false],
    [`max=5/${'a'.repeat(33)}`, false],
    ['call=5/abcdef', false],
    ['rate=0/60', false],
    ['rate=5/31622400', true],
    ['rate=5/31622401', false],
    ['rate=5/60/abcdef/ghijkl', false],
    ['depth=00', false],
    ['nbf=253402300799', true],
    ['nbf=253402300800', false],
    [`sid=${hash}`, true],
    [`sid=${hash}A`, false],
    [`cnf=${hash.slice(1)}`, false],
    ['budget=AAAAAAAAAAAAAAAAAAAAA/', false],
    ['ten=', false],
    [`ten=${'a'.repeat(65)}`, false],
    ['task=a b', false],
    [`aud=${'a'.repeat(257)}`, false],
    ['deny=a,b,', false],
    ['tool=s:', false],
    ['tool=:a', false],
    ['tool=s*:a', false],
    [`tool=${Array(32).fill('a').join()}`, true],
    ['ops=call, balance', false],
    ['ops=balance,call', true],
    ['arg={"op":"eq","p":"/a","t":"a,b","v":1}', false],
    ['arg={"op":"eq","p":"","t":"a","v":1}', false],
    ['arg={"op":"eq","p":"/a","t":"a","v":{}}', false],
    ['arg={"op":"eq","p":"/a","t":"a","v":null}', true],
    ['arg={"op":"eq","p":"/a","t":"a"}', false],
    ['arg={"op":"eq","p":"/a","t":"a","v":1,"z":1}', false],
    ['arg={"op":"eq","p":"/a","t":"a","v":1e3}', false],
    ['arg={"op":"eq","p":"/a","t":"a","v":9007199254740993}', false],
    ['arg={"op":"in","p":"/a","t":"a","v":[1,[2]]}', false],
    ['arg={"op":"pre","p":"/a","t":"a","v":""}', false],
    ['arg={"op":"len","p":"/a","t":"a","v":-1}', false],
    ['arg={"op":"len","p":"/a","t":"a","v":"1"}', false],
    ['arg={"op":"only","p":"/a","t":"a","v":["a"]}', false],
    ['arg={"op":"only","t":"a","v":[1]}', false],
    ['arg=null', false],
    ['arg={', false],
    [`arg=${'['.repeat(500)}${']'.repeat(500)}`, false],
    ['toolongname=1', false],
    ['__proto__=1', false],
    ['toString=1', false],
  ])('%j: whether it is read is %j [T03]', (text, ok) => {
    expect(typeof parseCaveat(text, kinds) === 'object').toBe(ok)
  })

  test.each<[string, Partial<ClearRequest>, boolean]>([
    // Time: a clock may be wrong by the skew, and by five minutes at most.
    ['exp=1000', { now: 1_029_999 }, true],
    ['exp=1000', { now: 1_030_000 }, false],
    ['exp=1000', { now: 1_000_000, skewMs: 0 }, false],
    ['exp=1000', { now: 1_299_999, skewMs: 1e9 }, true],
    ['exp=1000', { now: 1_300_000, skewMs: 1e9 }, false],
    ['exp=1000', { now: NaN }, false],
    ['exp=1000', { now: 0, skewMs: NaN }, false],
    ['nbf=1000', { now: 970_000 }, true],
    ['nbf=1000', { now: 969_999 }, false],
    ['nbf=1000', { now: NaN }, false],
    // Tools that may be called are surely meant.
    ['tool=web_*', { tool: 'Web_search' }, false],
    ['tool=*', { tool: 'web search' }, false],
    ['tool=*', { tool: undefined }, false],
    ['tool=*', { tool: '' }, false],
    ['tool=*', { tool: 'x'.repeat(129) }, false],
    ['tool=s1:*', { server: undefined }, false],
    ['tool=S1:*', {}, false],
    ['tool=a*b*c', { tool: 'aXbYbZc' }, true],
    ['tool=a*b*c', { tool: 'aXcYbZ' }, false],
    ['tool=a**', { tool: 'a' }, true],
    ['tool=web_search,x', {}, true],
    // Tools that must not be called may be meant by any name that a server could take for them.
    ['deny=delete_*', { tool: 'DELETE_all' }, false],
    ['deny=DELETE_*', { tool: 'delete_all' }, false],
    ['deny=delete_*', { tool: 'delete\u200b_all' }, false],
    ['deny=delete_*', { tool: 'something else' }, false],
    ['deny=delete_*', { tool: undefined }, false],
    ['deny=s2:*', {}, true],
    ['deny=S1:*', {}, false],
    ['deny=s2:web_*', { server: undefined }, false],
    ['deny=s2:db_*', { server: undefined }, true],
    // Other uses are no business of what judges calls.
    ['tool=x', { op: 'balance' }, true],
    ['deny=*', { op: 'balance' }, true],
    ['call=0', { op: 'delegate' }, true],
    ['arg={"op":"only","t":"*","v":["a"]}', { op: 'balance', args: { b: 1 } }, true],
    // Cost.
    ['call=5', { cost: undefined }, false],
    ['call=5', { cost: 4.5 }, false],
    ['call=0', { cost: 0 }, true],
    // Arguments.
    ['arg={"op":"eq","p":"/a","t":"web_*","v":1}', { args: undefined }, false],
    ['arg={"op":"eq","p":"/a","t":"WEB_*","v":1}', { args: { a: 2 } }, false],
    ['arg={"op":"eq","p":"/a","t":"db_*","v":1}', { tool: 'db\u00a0x', args: {} }, false],
    ['arg={"op":"eq","p":"/a","t":"s2:*","v":1}', { args: {} }, true],
    ['arg={"op":"eq","p":"/a~1b/~0","t":"*","v":true}', { args: { 'a/b': { '~': true } } }, true],
    ['arg={"op":"eq","p":"/a/length","t":"*","v":1}', { args: { a: [1] } }, false],
    ['arg={"op":"eq","p":"/a","t":"*","v":"1"}', { args: { a: 1 } }, false],
    ['arg={"op":"eq","p":"/a","t":"*","v":null}', { args: {} }, false],
    ['arg={"op":"eq","p":"/a","t":"*","v":null}', { args: { a: null } }, true],
    ['arg={"op":"in","p":"/a","t":"*","v":[1,"b"]}', { args: { a: 'b' } }, true],
    ['arg={"op":"in","p":"/a","t":"*","v":[1,"b"]}', { args: { a: ['b'] } }, false],
    ['arg={"op":"le","p":"/a","t":"*","v":5}', { args: { a: NaN } }, false],
    ['arg={"op":"ge","p":"/a","t":"*","v":5}', { args: { a: 5 } }, true],
    ['arg={"op":"ge","p":"/a","t":"*","v":5}', { args: { a: '6' } }, false],
    ['arg={"op":"pre","p":"/a","t":"*","v":"/data/"}', { args: { a: '/data' } }, false],
    ['arg={"op":"pre","p":"/a","t":"*","v":"/data/"}', { args: { a: ['/data/'] } }, false],
    ['arg={"op":"len","p":"/a","t":"*","v":2}', { args: { a: 'ab' } }, true],
    ['arg={"op":"len","p":"/a","t":"*","v":2}', { args: { a: 'abc' } }, false],
    ['arg={"op":"len","p":"/a","t":"*","v":2}', { args: { a: { length: 1 } } }, false],
    ['arg={"op":"only","t":"*","v":["a"]}', { args: undefined }, true],
    ['arg={"op":"only","t":"*","v":["a"]}', { args: JSON.parse('{"__proto__":1}') as object as never }, false],
    // Where, for whom, with what.
    ['aud=gw-1', { audiences: ['gw-2', 'gw-1'] }, true],
    ['aud=gw-1', {}, false],
    ['aud=gw-1', { audiences: [] }, false],
    ['task=op-1', {}, false],
    [`sid=${hash}`, { sessionHash: hash }, true],
    [`sid=${hash}`, {}, false],
    [`cnf=${hash}`, { keyHash: hash, sessionHash: 'x' }, true],
    [`cnf=${hash}`, { sessionHash: hash }, false],
    ['ten=acme', { tenant: 'other' }, true],
    ['ten=other', { tenant: 'other' }, false],
  ])('%j with %j: whether it holds is %j', (text, request, wanted) => {
    expect(holds(text, request)).toBe(wanted)
  })

  test('with stars is matched in a time that does not explode [T22]', () => {
    const started = performance.now()
    expect(holds('tool=a*a*a*a*b', { tool: 'a'.repeat(128) })).toBe(false)
    expect(holds('deny=*a*a*a*ab', { tool: 'a'.repeat(128) })).toBe(true)
    expect(performance.now() - started).toBeLessThan(500)
  })
})

describe('a kind of your own', () => {
  const plan: CaveatKind<string> = {
    name: 'plan',
    parse: (value) => (value === 'gold' ? value : undefined),
    holds: (_value, { tool }) => tool === 'a',
  }

  test('is read and judged like ours', () => {
    const own = caveatKinds([plan])
    const caveat = parseCaveat('plan=gold', own) as Caveat
    expect(caveatHolds(caveat, { ...call, tool: 'a' }, place)).toBe(true)
    expect(caveatHolds(caveat, { ...call, tool: 'b' }, place)).toBe(false)
    expect(parseCaveat('plan=tin', own)).toBe('malformed_caveat')
    expect(parseCaveat('plan=gold', kinds)).toBe('unknown_caveat')
  })

  test.each<[string, () => unknown]>([
    ['nothing', () => undefined],
    ['an empty text', () => ''],
    ['a text that says yes', () => 'yes'],
    ['null, which the package macaroon takes for a yes', () => null],
    ['1', () => 1],
    ['a promise of true', () => Promise.resolve(true)],
    [
      'a throw',
      () => {
        throw new Error('x')
      },
    ],
  ])('that answers with %s denies [L-S55]', (_, answer) => {
    const caveat = { text: 'plan=gold', value: 'gold', kind: { ...plan, holds: answer as () => boolean } }
    expect(caveatHolds(caveat, call, place)).toBe(false)
  })

  test.each(['plan=gold\n', 'plan=g\u00f6ld', 'plan=\u0007', 'plan=', 'plan'])('never reads %j [T03]', (text) => {
    const any = { ...plan, parse: (value: string) => value }
    expect(parseCaveat('plan=any =thing', caveatKinds([any]))).toMatchObject({ value: 'any =thing' })
    expect(parseCaveat(text, caveatKinds([any]))).toBe('malformed_caveat')
  })

  test('that reads later denies the token [T03]', () => {
    const later = { ...plan, parse: (value: string) => Promise.resolve(value) as never }
    expect(parseCaveat('plan=gold', caveatKinds([later]))).toBe('malformed_caveat')
  })

  test('that throws while it reads denies the token [T03]', () => {
    const parse = () => {
      throw new Error('x')
    }
    expect(parseCaveat('plan=gold', caveatKinds([{ ...plan, parse }]))).toBe('malformed_caveat')
  })

  test.each<[string, unknown]>([
    ['the name of ours', [{ ...plan, name: 'exp' }]],
    ['a name twice', [plan, plan]],
    ['a name that no caveat can have', [{ ...plan, name: 'Plan' }]],
    ['nothing that reads', [{ ...plan, parse: undefined }]],
    ['nothing that judges', [{ name: 'plan', parse: plan.parse }]],
    ['nothing at all', [null]],
    ['no list', plan],
  ])('with %s is refused', (_, own) => {
    expect(() => caveatKinds(own as never)).toThrow(expect.objectContaining({ code: 'invalid_config' }))
  })
})

test('every kind of ours is of its own file, and named like it', async () => {
  for (const kind of BUILT_IN) {
    const file = (await import(`../../../src/delegation/caveats/${kind.name}.ts`)) as Record<string, CaveatKind>
    expect(file[kind.name]).toBe(kind)
  }
})
