import { BudgetError, InMemoryBudgetEnforcer, withBudget } from 'mcp-budget'
import { describe, expect, test } from 'vitest'
import { budgetSettings } from '../../../src/budget/options.js'

const enforcer = new InMemoryBudgetEnforcer()
const made = (options: object): (() => unknown) => {
  return () => withBudget({ enforcer, budget: 'a', ...options })
}

describe('withBudget', () => {
  test('has defaults that are strict', () => {
    expect(budgetSettings({ enforcer, budget: 'a' })).toMatchObject({
      mode: 'hard',
      openLimit: 0,
      ttlMs: 120_000,
      onExpire: 'capture',
      onCancel: 'capture',
      onFailure: 'capture',
      overage: 'cap',
      awaitCapture: false,
      advise: false,
      storeTimeoutMs: 250,
      refusalMemoryMs: 100,
      approveAbove: 0,
    })
  })

  const wrong: ReadonlyArray<readonly [string, unknown]> = [
    ...['Hard', 'HARD', 'charge', 'control', 'observe', 'off', '', ' hard', null, 0, true, ['hard'], {}].map(
      (mode) => ['mode', mode] as const,
    ),
    ...['open', 'Closed', 'lease', '', null, true, { open: true }, { open: {} }, { open: { limit: 0 } }].map(
      (failMode) => ['failMode', failMode] as const,
    ),
    ...[-1, 0.5, Infinity, Number.NaN, '100', 2 ** 53].map((limit) => ['failMode', { open: { limit } }] as const),
    ...[0, -1, 0.5, Infinity, Number.NaN, '1000', 86_400_001, null].map((ttlMs) => ['ttlMs', ttlMs] as const),
    ...[0, -1, Infinity, '250'].map((ms) => ['storeTimeoutMs', ms] as const),
    ...[-1, Infinity, '100'].map((ms) => ['refusalMemoryMs', ms] as const),
    ['onExpire', 'keep'],
    ['onCancel', 'refund'],
    ['onFailure', 'keep'],
    ['overage', 'ignore'],
    ['awaitCapture', 'yes'],
    ['awaitCapture', 1],
    ['advise', 'yes'],
    ['approve', true],
    ['approveAbove', -1],
    ['approveAbove', Infinity],
    ['approveAbove', Number.NaN],
    ['shadow', { enforcer: { spend: () => {} } }],
    ['shadow', {}],
  ]
  test.each(wrong)('refuses `%s` to be %j, and says what it expects [L-S14, T18]', (name, value) => {
    let thrown: unknown
    try {
      made({ [name]: value })()
    } catch (error) {
      thrown = error
    }
    expect(BudgetError.isInstance(thrown) && thrown.code).toBe(
      name === 'approveAbove' ? 'invalid_credits' : 'invalid_config',
    )
    expect((thrown as Error).message).toContain(`\`${name}`)
  })

  test.each(['Mode', 'budgets', 'limit', 'fail_mode', '__proto__x'])(
    'refuses an option %s that it does not know',
    (key) => {
      expect(made({ [key]: 1 })).toThrow(/to be an object with `enforcer`, `budget`/)
    },
  )

  test.each(['check', 'spend', 'remaining', 'initialize'])('refuses a store without %s', (verb) => {
    const four = { check() {}, spend() {}, remaining() {}, initialize() {} }
    expect(made({ enforcer: { ...four, [verb]: undefined } })).toThrow(new RegExp(`function \`${verb}\``))
  })

  test.each([undefined, null, 7, 'memory', {}])('refuses %j as a store', (store) => {
    expect(made({ enforcer: store })).toThrow(/`enforcer`/)
  })

  const budgets: ReadonlyArray<readonly [unknown, string]> = [
    ['', 'invalid_budget_id'],
    ['a b', 'invalid_budget_id'],
    ['a/b/c', 'invalid_budget_id'],
    ['a:b', 'invalid_budget_id'],
    ['../a', 'invalid_budget_id'],
    ['a\n', 'invalid_budget_id'],
    ['é', 'invalid_budget_id'],
    ['x'.repeat(65), 'invalid_budget_id'],
    ['/a', 'invalid_budget_id'],
    ['a/', 'invalid_budget_id'],
    [7, 'invalid_budget_id'],
    [null, 'invalid_budget_id'],
    [undefined, 'invalid_budget_id'],
    [{}, 'invalid_budget_id'],
    [[], 'invalid_config'],
    [['a', 'a'], 'invalid_config'],
    [['a', 'default/a'], 'invalid_config'],
    [[{ budget: 'a', unit: 'tokens' }], 'invalid_config'],
    [{ budget: 'a', unit: 'Calls' }, 'invalid_config'],
  ]
  test.each(budgets)('refuses %j as who pays, with %s', (budget, code) => {
    let thrown: unknown
    try {
      made({ budget })()
    } catch (error) {
      thrown = error
    }
    expect(BudgetError.isInstance(thrown) && thrown.code).toBe(code)
  })

  const sentences: ReadonlyArray<readonly [object, string]> = [
    [{ mode: 'Hard' }, 'Expected `mode` to be one of "hard", "soft", "shadow", got "Hard" (string)'],
    [{ awaitCapture: 1 }, 'Expected `awaitCapture` to be one of false, true, got `1`'],
    [{ ttlMs: 0 }, 'Expected `ttlMs` to be an integer from 1 to 86400000, got `0`'],
    [{ approve: true }, 'Expected `approve` to be a function, got `true`'],
    [{ shadow: {} }, 'Expected `shadow.enforcer` to be a store that can hold, got `undefined`'],
    [
      { failMode: 'open' },
      "Expected `failMode` to be 'closed', 'lease' or { open: { limit: credits } }, got \"open\" (string)",
    ],
    [
      { budget: { budget: 'a', unit: 'x' } },
      'Expected `budget.unit` to be one of "credits", "calls", got "x" (string)',
    ],
    [{ budget: ['a', 'a'] }, 'Expected `budget` to be at least one budget, and each once, got `2`'],
  ]
  test.each(sentences)('says of %j what was expected and what came', (options, sentence) => {
    expect(made(options)).toThrow(sentence)
  })

  test('says which object has a key that is not known', () => {
    expect(made({ Mode: 'hard' })).toThrow('Expected `options` to be an object with `enforcer`')
  })

  test('takes the longest time and the words that are the default', () => {
    const day = 86_400_000
    const times = { ttlMs: day, storeTimeoutMs: day, refusalMemoryMs: day }
    const given = { enforcer, budget: 'a', failMode: 'closed', mode: 'hard', ...times } as const
    expect(budgetSettings(given)).toMatchObject({ openLimit: 0, mode: 'hard', ...times })
  })
})
