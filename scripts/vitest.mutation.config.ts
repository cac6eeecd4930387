import { defineConfig, mergeConfig } from 'vitest/config'
import shared from '../vitest.config.js'

const { projects: _, ...test } = shared.test ?? {}

/** What `npm run mutation` asks of each mutant: the unit tests only, because they are quick and touch no file. */
export default mergeConfig(
  { ...shared, test },
  defineConfig({ test: { include: ['test/unit/**/*.test.ts'], testTimeout: 5_000 } }),
)
