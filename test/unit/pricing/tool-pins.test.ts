import { createHash } from 'node:crypto'
import { BudgetError, toolDigest, type JsonObject } from 'mcp-budget'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { REMEMBERED, ToolPins, toolName, type SeenTool } from '../../../src/pricing/tool-pins.js'

const SEARCH = {
  name: 'search',
  title: 'Search',
  description: 'Searches the web',
  inputSchema: { type: 'object', properties: { q: { type: 'string' } } },
  outputSchema: { type: 'object' },
  annotations: { readOnlyHint: true },
  execution: { taskSupport: 'optional' },
}
const never = (): never => {
  throw new Error('nothing is full')
}

describe('the digest of a definition', () => {
  test('is SHA-256 over its canonical JSON [T24]', () => {
    const text = '{"description":"d","inputSchema":{"type":"object"},"name":"t"}'
    const digest = toolDigest({ name: 't', inputSchema: { type: 'object' }, description: 'd' })
    expect(digest).toBe(createHash('sha256').update(text).digest('hex'))
  })

  test.each<[string, JsonObject]>([
    ['the order of keys', Object.fromEntries(Object.entries(SEARCH).reverse())],
    ['_meta', { ...SEARCH, _meta: { 'example.com/served': 7 } }],
    ['icons', { ...SEARCH, icons: [{ src: 'https://example.com/7.png' }] }],
    ['a key without a value, which is not sent', { ...SEARCH, title: 'Search', extra: undefined }],
  ])('is blind to %s', (_, definition) => {
    expect(toolDigest(definition)).toBe(toolDigest(SEARCH))
  })

  test.each<[string, JsonObject]>([
    ...Object.keys(SEARCH).map((key): [string, JsonObject] => [key, { ...SEARCH, [key]: 'other' }]),
    ['a missing title', { ...SEARCH, title: undefined }],
    ['an argument more', { ...SEARCH, inputSchema: { type: 'object', properties: { q: {}, bcc: {} } } }],
    ['a space in the description', { ...SEARCH, description: 'Searches the web ' }],
    ['an annotation', { ...SEARCH, annotations: { readOnlyHint: false } }],
    ['a key that nobody knows yet', { ...SEARCH, futureKey: 1 }],
    ['_meta in the schema', { ...SEARCH, inputSchema: { ...SEARCH.inputSchema, _meta: {} } }],
  ])('sees another %s [T24]', (_, definition) => {
    expect(toolDigest(definition)).not.toBe(toolDigest(SEARCH))
  })

  test('of what is no JSON is an error', () => {
    const digest = (): unknown => toolDigest({ name: 't', inputSchema: new Map() })
    expect(digest).toThrow(
      expect.toSatisfy((error) => BudgetError.isInstance(error) && error.code === 'invalid_request'),
    )
  })
})

describe('the name of a tool', () => {
  test.each<[string, unknown, string | undefined]>([
    ['a text', { name: 'search' }, 'search'],
    ['as long as it may be', { name: 'x'.repeat(1024) }, 'x'.repeat(1024)],
    ['too long', { name: 'x'.repeat(1025) }, undefined],
    ['no text', { name: 5 }, undefined],
    ['not there', {}, undefined],
    ['of what is no tool', null, undefined],
  ])('%s', (_, tool, name) => {
    expect(toolName(tool)).toBe(name)
  })
})

describe('what a server shows', () => {
  const tool = fc.record({
    name: fc.constantFrom('a', 'b', '__proto__', undefined),
    digest: fc.constantFrom('1', '2', '3', undefined),
  })
  const listing = fc.record({
    server: fc.constantFrom('files', 'mail', undefined),
    tools: fc.array(tool, { maxLength: 5 }),
  })

  /** The definition that counts of each tool of a list. */
  function counting(tools: readonly SeenTool[]): Array<[string, string | undefined]> {
    const names = new Set(tools.flatMap(({ name }) => (name === undefined ? [] : [name])))
    return [...names].map((name) => {
      const all = tools.filter((each) => each.name === name)
      return [name, all.length === 1 ? all[0]?.digest : undefined]
    })
  }

  test('is a change exactly when it differs from what it showed before, for each server and tool [T24]', () => {
    fc.assert(
      fc.property(fc.array(listing, { maxLength: 12 }), (listings) => {
        const pins = new ToolPins(undefined, undefined)
        const before = new Map<string, string | undefined>()
        const first = new Map<string, string | undefined>()
        for (const { server, tools } of listings) {
          const expected = counting(tools).filter(([name, digest]) => {
            const key = JSON.stringify([server, name])
            const changed = before.has(key) ? before.get(key) !== digest : digest === undefined
            if (first.get(key) === undefined) first.set(key, digest)
            before.set(key, digest)
            return changed
          })
          const changes = pins.see(server, tools, never)
          expect(changes.map(({ tool, to }) => [tool, to])).toEqual(expected)
          expect(changes.every((change) => change.server === server)).toBe(true)
          for (const each of ['files', 'mail', undefined]) {
            for (const name of ['a', 'b', '__proto__', 'never seen']) {
              const key = JSON.stringify([each, name])
              const same = !before.has(key) || (before.get(key) !== undefined && before.get(key) === first.get(key))
              expect(pins.standing(each, name)).toBe(same ? 'same' : 'changed')
            }
          }
        }
      }),
    )
  })

  test('is not remembered beyond 10,000 tools of one server, which is told, and a pin goes on being kept', () => {
    const pin = 'a'.repeat(64)
    const pins = new ToolPins({ pinned: pin }, undefined)
    let full = 0
    const see = (tools: SeenTool[], server = 'files') => pins.see(server, tools, () => full++)
    see(Array.from({ length: REMEMBERED }, (_, i) => ({ name: `t${i}`, digest: '1' })))
    expect([full, pins.standing('files', 'new')]).toEqual([0, 'full'])
    expect(see([{ name: 'new', digest: '1' }])).toEqual([])
    expect(see([{ name: 'new', digest: '2' }])).toEqual([])
    expect(full).toBe(2)
    expect(see([{ name: 't0', digest: '2' }])).toEqual([{ server: 'files', tool: 't0', from: '1', to: '2' }])
    expect(pins.standing('files', 'pinned')).toBe('same')
    expect(see([{ name: 'pinned', digest: '2' }])).toEqual([{ server: 'files', tool: 'pinned', from: pin, to: '2' }])
    expect(pins.standing('files', 'pinned')).toBe('changed')
    expect(see([{ name: 'new', digest: '1' }], 'mail')).toEqual([])
    expect(pins.standing('mail', 'new')).toBe('same')
    expect(full).toBe(2)
  })
})
