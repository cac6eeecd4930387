import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { FakeClock, taskStoreConformance } from '../../../../src/testing/index.js'
import { SqliteBudgetEnforcer } from '../../../../src/backends/sqlite/index.js'
import { TaskSubject } from '../../../../src/testing/task-conformance/subject.js'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-tasks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the tasks of SqliteBudgetEnforcer keep the contract of task stores:', () => {
  const cases = taskStoreConformance({
    create: async (clock) => (await SqliteBudgetEnforcer.open({ database: ':memory:', clock })).tasks,
  })
  test.each(cases)('$name', async (each) => each.run())
})

describe('tasks in a file', () => {
  test('are there when it is opened again, with what is due and what may be tried again [R3, I5]', async () => {
    const database = join(folder, 'tasks.db')
    const clock = new FakeClock()
    const first = await SqliteBudgetEnforcer.open({ database, clock })
    const c = new TaskSubject(first.tasks, clock)
    const key = { key: 'k', digest: 'a'.repeat(64) }
    const attempt = c.begin({ key })
    await c.begun(attempt)
    await first.tasks.finish(c.finish(attempt))
    const bound = await c.bound({ lifeMs: 1_000 })
    await first.shutdown()
    clock.advance(2_000)
    const second = await SqliteBudgetEnforcer.open({ database, clock })
    const again = new TaskSubject(second.tasks, clock)
    await again.expect(bound, { state: 'open', data: { tool: 'draw' } })
    await again.expectDue(['task-1'], 1)
    expect(await again.begun(again.begin({ key }))).toMatchObject({ attempt: 1 })
    await second.shutdown()
  })
})
