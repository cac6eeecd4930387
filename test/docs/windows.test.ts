import { readFileSync } from 'node:fs'
import {
  composeWith,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  type BudgetLine,
  type WindowSpec,
} from 'mcp-budget'
import { FakeClock } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { CLOCK_CHANGES, type ClockChange } from '../support/clock-changes.js'

const work = () => ({ content: [] })

/** As the guide prints it. */
function rowOf({ zone, clocks, window, begins, hours }: ClockChange): string {
  const settings = Object.entries(window).map(([key, value]) => `${key}: ${JSON.stringify(value).replaceAll('"', "'")}`)
  return `| ${zone} | ${clocks} | \`{ ${settings.join(', ')} }\` | ${begins} | ${hours} h |`
}

describe('the code of the guide to windows', () => {
  test('shows windows that are taken', async () => {
    // #region specs
    const specs: WindowSpec[] = [
      'day', // an hour, a day, a week or a month of UTC
      { every: 'hour', zone: 'Asia/Kathmandu', minute: 30 }, // at half past each hour, in Nepal
      { every: 'day', zone: 'Europe/Berlin', at: '09:00' },
      { every: 'week', zone: 'America/New_York', weekday: 7 }, // from Sunday; 1 is Monday, and the default
      { every: 'month', zone: 'Europe/Berlin', day: 31 }, // from the last day of each month
      { everyMs: 5 * 3_600_000 }, // five hours, whatever the calendar says
      { everyMs: 86_400_000, anchor: Date.parse('2026-11-27T09:00Z') },
    ]
    // #endregion specs
    for (const window of specs) {
      const clock = new FakeClock()
      const enforcer = new InMemoryBudgetEnforcer({ clock })
      enforcer.initialize('a', 5)
      const steps = [
        withCostProfile({ defaultCost: 5 }),
        withBudget({ enforcer, budget: { budget: 'a', window }, clock }),
      ]
      const meter = composeWith(clock, steps)
      expect(await meter.run({ tool: 't' }, work)).toMatchObject({ kind: 'result' })
      expect(await meter.run({ tool: 't' }, work)).toMatchObject({ kind: 'refused' })
      clock.advance(31 * 86_400_000)
      expect(await meter.run({ tool: 't' }, work)).toMatchObject({ kind: 'result' })
    }
  })

  test('counts calls in each hour', async () => {
    const clock = new FakeClock()
    const enforcer = new InMemoryBudgetEnforcer({ clock })
    // #region calls
    enforcer.initialize('agent-1-calls', 2)
    const line: BudgetLine = { budget: 'agent-1-calls', unit: 'calls', window: 'hour' }
    // #endregion calls
    const meter = composeWith(clock, [
      withCostProfile({ defaultCost: 50 }),
      withBudget({ enforcer, budget: line, clock }),
    ])
    const kinds = await Promise.all([1, 2, 3].map(async () => (await meter.run({ tool: 't' }, work)).kind))
    expect(kinds).toEqual(['result', 'result', 'refused'])
  })

  test('reads whether the balances are of a window that is over', async () => {
    const clock = new FakeClock()
    const enforcer = new InMemoryBudgetEnforcer({ clock })
    enforcer.initialize('agent-1-day', 20)
    const budget = withBudget({ enforcer, budget: { budget: 'agent-1-day', window: 'day' }, clock })
    await composeWith(clock, [withCostProfile({ defaultCost: 5 }), budget]).run({ tool: 't' }, work)
    const read = () => {
      // #region view
      const { available, allotment, window } = enforcer.describe('agent-1-day')
      const left = window !== undefined && window.end <= clock.now() ? allotment : available
      // #endregion view
      return left
    }
    expect(read()).toBe(15)
    clock.advance(86_400_000)
    expect(read()).toBe(20)
  })
})

test('the guide to windows prints the changes of clocks that are tested', () => {
  const rows = readFileSync('docs/guides/windows.md', 'utf8')
    .split('\n')
    .filter((line) => /^\| \w+(?:\/\w+)? \|/.test(line) && !line.startsWith('| Zone |'))
  expect(rows).toEqual(CLOCK_CHANGES.map(rowOf))
})
