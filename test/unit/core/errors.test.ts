import { BudgetError } from 'mcp-budget'
import { describe, expect, test } from 'vitest'
import { describeValue } from '../../../src/core/errors.js'

describe('a budget error', () => {
  test('has a code, a message, its cause, and where the docs explain it', () => {
    const cause = new Error('inner')
    const error = new BudgetError({ code: 'invalid_config', message: 'Expected a', cause })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      name: 'BudgetError',
      code: 'invalid_config',
      message: 'Expected a',
      help: 'docs/reference/errors.md#invalid_config',
      cause,
    })
    expect('cause' in new BudgetError({ code: 'invalid_config', message: 'x' })).toBe(false)
  })

  test('is known across copies of the package, by its own mark only', () => {
    const error = new BudgetError({ code: 'invalid_config', message: 'x' })
    const copy = Object.assign(new Error('x'), { [Symbol.for('dev.mcp-budget.error')]: true })
    expect([error, copy].map(BudgetError.isInstance)).toEqual([true, true])
    const inherited: unknown = Object.create(error)
    expect(
      [inherited, new Error('x'), { code: 'invalid_config' }, null, undefined, 'x'].map(BudgetError.isInstance),
    ).toEqual([false, false, false, false, false, false])
  })

  test.each([
    [null, 'null'],
    [undefined, '`undefined`'],
    [Number.NaN, '`NaN`'],
    [false, '`false`'],
    ['five', '"five" (string)'],
    ['x'.repeat(64), `"${'x'.repeat(64)}" (string)`],
    ['x'.repeat(65), 'a string of 65 characters'],
    ['redis://:secret@db:6379', 'a URL (string)'],
    ['postgres://me:secret@db/budgets', 'a URL (string)'],
    [[1, 2], 'an array'],
    [{ password: 'x' }, 'an object'],
    [() => 'secret', 'a function'],
    [5n, 'a bigint'],
    [Symbol('secret'), 'a symbol'],
  ])('names %o without showing what an object carries', (value, text) => {
    expect(describeValue(value)).toBe(text)
  })
})
