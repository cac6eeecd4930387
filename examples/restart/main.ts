/**
 * A process is killed with SIGKILL in the middle of a call. The next one finds the budget as it was left: what was
 * charged is charged, and the call of which nobody knows the end is charged when its hold's time is up.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { replay } from 'mcp-budget'
import { SqliteBudgetEnforcer } from 'mcp-budget/sqlite'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-restart-'))
const database = join(folder, 'budgets.db')

async function runAndKill(): Promise<void> {
  const agent = fileURLToPath(new URL('agent.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', agent, database], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))
  child.stdout.once('data', () => child.kill('SIGKILL'))
  assert.equal(await ended, 'SIGKILL')
}

try {
  await runAndKill()

  // #region restart
  const enforcer = await SqliteBudgetEnforcer.open({ database })
  const left = await enforcer.describe('agent-1')
  console.log(`${left.spent} spent, ${left.held} held, ${left.available} left`) // 30 spent, 10 held, 60 left
  // #endregion restart
  assert.deepEqual([left.spent, left.held, left.available], [30, 10, 60])

  await wait(1_100)
  const later = await enforcer.describe('agent-1')
  console.log(`${later.spent} spent, ${later.held} held, ${later.available} left`)
  assert.deepEqual([later.spent, later.held, later.available], [40, 0, 60])
  assert.deepEqual(replay(await enforcer.ledger.entries()).get('default/agent-1')?.spent, 40)
  await enforcer.shutdown()

  await runAndKill()
  const again = await SqliteBudgetEnforcer.open({ database })
  assert.equal((await again.describe('agent-1')).spent, 70)
  await again.shutdown()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
