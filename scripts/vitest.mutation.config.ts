import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** What `npm run mutation` asks of each mutant: the unit tests only, because they are quick and touch no file. */
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  resolve: { tsconfigPaths: true },
  test: { include: ['test/unit/**/*.test.ts'], testTimeout: 5_000 },
})
