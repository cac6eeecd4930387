import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** What a fresh Node prints that runs this code, a module. */
async function run(code: string): Promise<string> {
  const args = ['--import', 'tsx', '--input-type=module', '-e', code]
  return (await promisify(execFile)(process.execPath, args)).stdout
}

test('a subscriber that throws changes no call, and is an uncaught exception of the process afterwards [T52]', async () => {
  const printed = await run(`
    import { subscribe } from 'node:diagnostics_channel'
    import { compose, InMemoryBudgetEnforcer, withBudget, withCostProfile } from 'mcp-budget'
    process.on('uncaughtException', (error) => console.log(error.message))
    const heard = []
    for (const name of ['held', 'charged']) subscribe('mcp-budget:' + name, () => { throw new Error(name) })
    subscribe('mcp-budget:charged', ({ charge }) => heard.push(charge.charged))
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('a', 5)
    const meter = compose(withCostProfile({ defaultCost: 5 }), withBudget({ enforcer, budget: 'a' }))
    const { kind, charge } = meter.run({ tool: 't' }, () => ({ content: [] }))
    console.log(kind, charge.charged, heard.join(), enforcer.describe('a').spent)`)
  expect(printed).toBe('result 5 5 5\nheld\ncharged\n')
})

test('the root entry loads diagnostics_channel with the first event, not before', async () => {
  const printed = await run(`
    const loaded = []
    const { getBuiltinModule } = process
    process.getBuiltinModule = (name) => (loaded.push(name), getBuiltinModule.call(process, name))
    const { BudgetEvents } = await import('mcp-budget')
    const before = loaded.length
    new BudgetEvents().emit('fault', { where: 'here', error: 1 })
    console.log(before, loaded.join())`)
  expect(printed).toBe('0 node:diagnostics_channel\n')
})
