import { describe, expect, test } from 'vitest'
import { Batcher } from '../../../../src/backends/redis/batcher.js'
import { BudgetError } from '../../../../src/core/errors.js'

/** A server that says this of each script in which there is a request `bad`. */
function serverThat(says: Error) {
  const scripts: string[][] = []
  const batcher = new Batcher(async (requests) => {
    const [, , ops] = JSON.parse(requests) as [unknown, unknown, Array<[string]>]
    const names = ops.map(([name]) => name)
    scripts.push(names)
    if (names.includes('bad')) throw says
    return Promise.resolve(JSON.stringify(names.map((name) => [name])))
  })
  const ask = async (names: readonly string[]): Promise<unknown[]> =>
    (await Promise.allSettled(names.map((name) => batcher.ask({ op: [name] })))).map((each) =>
      each.status === 'fulfilled' ? each.value[0] : (each.reason as unknown),
    )
  return { ask, scripts }
}

describe('a script that fails over one request', () => {
  test.each([
    ['Redis 7', "ERR user_script:5: attempt to index local 'hold' (a nil value) script: 5f2b, on @user_script:5."],
    ['Redis 6', 'ERR Error running script (call to f_5f2b): @user_script:5: user_script:5: attempt to compare nil'],
  ])('is run again with each alone, so that the others have their answers: %s [R1]', async (_, message) => {
    const error = new Error(message)
    const { ask, scripts } = serverThat(error)
    expect(await ask(['a', 'bad', 'b'])).toEqual(['a', error, 'b'])
    expect(scripts).toEqual([['a', 'bad', 'b'], ['a'], ['bad'], ['b']])
  })

  test('is one whose answer of one alone is not asked for twice', async () => {
    const { ask, scripts } = serverThat(new Error('ERR user_script:5: attempt to compare nil'))
    await ask(['bad'])
    expect(scripts).toEqual([['bad']])
  })
})

test.each([
  new Error('ERR max number of clients reached'),
  new Error('BUSY Redis is busy running a script. You can only call SCRIPT KILL'),
  new BudgetError({ code: 'store_unavailable', message: 'Expected an answer of Redis, got none' }),
])('what a server says of all scripts is the answer to each request: %s', async (error) => {
  const { ask, scripts } = serverThat(error)
  expect(await ask(['a', 'bad', 'b'])).toEqual([error, error, error])
  expect(scripts).toHaveLength(1)
})
