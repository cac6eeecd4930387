import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createHash } from 'node:crypto'
import { KEY_NAMES } from '../../../../src/backends/redis/keys.js'
import { MADE, makeScripts } from '../../../../scripts/lua.js'
import { PARTITION_SCRIPT, TASKS_SCRIPT } from '../../../../src/backends/redis/scripts.js'
import { TASK_KEY_NAMES } from '../../../../src/backends/redis/redis-task-store.js'

const scripts = [
  ['partition', PARTITION_SCRIPT, KEY_NAMES],
  ['tasks', TASKS_SCRIPT, TASK_KEY_NAMES],
] as const

/** What a script may name as a key: the keys that it was given, or what was made of one of them. */
const KEYS = /^(?:KEYS\[\d+\]|key|records\.key|M\.\w+Key)$/

test('the scripts of the Redis store are those that `npm run lua` makes of the files in lua/', async () => {
  expect(readFileSync(MADE, 'utf8')).toBe(await makeScripts())
})

describe.each(scripts)('the script %s', (file, { text, sha1 }, names) => {
  test('is known to a server by its digest', () => {
    expect(createHash('sha1').update(text).digest('hex')).toBe(sha1)
  })

  test('says on top which keys it takes, in the order in which it gets them', () => {
    const source = readFileSync(`src/backends/redis/lua/${file}.lua`, 'utf8')
    const said = Array.from(source.matchAll(/^-- +(?:KEYS +)?(\d+) (\w+) +(?:hash|zset|stream) /gm), ([, n, name]) => [
      Number(n),
      name,
    ])
    expect(said).toEqual(names.map((name, n) => [n + 1, name]))
  })

  test('makes no key of what comes in: every command names one of the keys that it was given [L-P26]', () => {
    const calls = Array.from(text.matchAll(/redis\.call\('(\w+)'(?:, ([\w.[\]]+))?/g), ([, verb, key = '']) => [
      verb,
      key,
    ])
    expect(calls.length).toBeGreaterThan(5)
    expect(calls.filter(([verb, key]) => verb !== 'TIME' && !KEYS.test(key ?? ''))).toEqual([])
    const parts = Array.from(text.matchAll(/inParts\(\w+, '\w+', ([\w.[\]]+)\)/g), ([, key = '']) => key)
    expect(parts.filter((key) => !KEYS.test(key))).toEqual([])
  })

  test('gives nothing a time to live', () => {
    expect(text).not.toMatch(/EXPIRE|SETEX|'PX'|'EX'/)
  })
})
