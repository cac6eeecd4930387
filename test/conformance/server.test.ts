import { beforeAll, describe, expect, test } from 'vitest'
import { newerNode } from '../support/newer-node.js'
import { buildProgram } from './build.js'
import { requiredScenarios } from './requirements.js'
import { runServerLeg, type ServerRun, type Suite } from './server-leg.js'
import { failing } from './summary.js'
import type { Leg } from './leg.js'

const LEGS: ReadonlyArray<Leg & { required: number }> = [
  { sdk: 'v1', revision: '2025-11-25', required: 30 },
  { sdk: 'v2', revision: '2025-11-25', required: 30 },
  { sdk: 'v2', revision: '2026-07-28', required: 37 },
]
const named = <T extends Leg>(leg: T) => [`an SDK ${leg.sdk} server in the suite for ${leg.revision}`, leg] as const
const TIMEOUT = 60_000

let suite: Suite
beforeAll(async () => {
  const node = await newerNode()
  const built = await buildProgram('server')
  suite = { node, server: built.file }
  return built.remove
}, 180_000)

describe.each(LEGS.map(named))('%s', (_, leg) => {
  let bare: ServerRun

  beforeAll(async () => {
    bare = await runServerLeg(suite, leg)
  }, TIMEOUT)

  test('passes every required scenario unwrapped', async () => {
    const required = await requiredScenarios(leg.revision, 'server')
    expect(required).toHaveLength(leg.required)
    expect(Object.keys(bare.summary)).toEqual(expect.arrayContaining(required.map((name) => `server-${name}`)))
    expect(
      failing(bare.summary).filter((name) => required.includes(name.replace(/^server-/, ''))),
      bare.table,
    ).toEqual([])
    expect([bare.exitCode, bare.serverExit], bare.table).toEqual([0, 0])
    expect(bare.calls.ran, bare.table).toBeGreaterThan(10)
  })
})
