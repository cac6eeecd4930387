import { defineConfig, mergeConfig } from 'vitest/config'
import shared from '../vitest.config.js'

const { projects: _, ...test } = shared.test ?? {}

/** They prove bounds over many calls, take half of all the time, and kill few mutants that no other test kills. */
const SOAKS = ['**/bounds.test.ts', '**/bounded.test.ts', '**/hostile.test.ts', '**/mcp/races.test.ts']

/** What `npm run mutation` asks of each mutant: the quick unit tests only, because they touch no file. */
export default mergeConfig(
  { ...shared, test },
  defineConfig({ test: { include: ['test/unit/**/*.test.ts'], exclude: SOAKS, testTimeout: 5_000 } }),
)
