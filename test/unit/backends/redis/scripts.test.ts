import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createHash } from 'node:crypto'
import { KEY_NAMES } from '../../../../src/backends/redis/keys.js'
import { MADE, makeScripts } from '../../../../scripts/lua.js'
import { PARTITION_SCRIPT } from '../../../../src/backends/redis/scripts.js'

const partition = readFileSync('src/backends/redis/lua/partition.lua', 'utf8')

describe('the scripts of the Redis store', () => {
  test('are those that `npm run lua` makes of the files in lua/', async () => {
    expect(readFileSync(MADE, 'utf8')).toBe(await makeScripts())
  })

  test('are known to a server by their digest', () => {
    expect(createHash('sha1').update(PARTITION_SCRIPT.text).digest('hex')).toBe(PARTITION_SCRIPT.sha1)
  })

  test('say on top which keys they take, in the order in which they get them', () => {
    const said = Array.from(
      partition.matchAll(/^-- +(?:KEYS +)?(\d+) (\w+) +(?:hash|zset|stream) /gm),
      ([, n, name]) => [Number(n), name],
    )
    expect(said).toEqual(KEY_NAMES.map((name, n) => [n + 1, name]))
  })

  test('make no key of what comes in: every command names one of the keys that the script was given', () => {
    const { text } = PARTITION_SCRIPT
    const calls = Array.from(text.matchAll(/redis\.call\('(\w+)'(?:, (?:M\.)?(\w+(?:\.\w+)?))?/g), ([, verb, key]) => [
      verb,
      key,
    ])
    expect(calls.length).toBeGreaterThan(10)
    const keys = ['records.key', 'metaKey', 'childrenKey', 'revokedKey', 'ledgerKey', 'deadlinesKey', 'forgetKey']
    expect(calls.filter(([verb, key]) => verb !== 'TIME' && !keys.includes(key ?? ''))).toEqual([])
  })

  test('give nothing a time to live', () => {
    expect(PARTITION_SCRIPT.text).not.toMatch(/EXPIRE|SETEX|'PX'|'EX'/)
  })
})
