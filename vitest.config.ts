import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// `npm run test:long` sets it: more seeds, longer runs.
const long = process.env['MCP_BUDGET_LONG'] === '1'
const timeout = (ms: number): number => (long ? 600_000 : ms)

/**
 * - `unit`: everything that needs neither a server, nor a process, nor a build.
 * - `e2e`: seats between real SDK clients and servers, over real transports and processes.
 * - `integration`: stores on real servers, which it finds or starts.
 * - `conformance`: the official suite, once bare and once through a seat; it runs on a Node of its own, from npm.
 * - `package`: what people install; it reads dist/ and refuses to run on a stale one.
 *
 * `mcp-budget` and `mcp-budget/testing` mean the sources, by the `paths` of tsconfig.json. Vite asks package.json for
 * names with a `#` before it looks there, and would find dist/: so those are named here once more.
 */
export default defineConfig({
  resolve: {
    tsconfigPaths: true,
    alias: {
      '#crypto': fileURLToPath(new URL('src/core/crypto/node.ts', import.meta.url)),
      '#diagnostics': fileURLToPath(new URL('src/core/diagnostics/node.ts', import.meta.url)),
    },
  },
  test: {
    // A forgotten `.only` must not pass for a green run, here or on a machine that sets no CI variable.
    allowOnly: false,
    passWithNoTests: false,
    maxWorkers: 2,
    setupFiles: ['test/support/seed.ts'],
    // What another process does is waited for as long as a test may take; the default gives a busy machine one second.
    expect: { poll: { timeout: timeout(30_000) } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // Whatever belongs to no other project, so that no test is left out.
          include: ['test/**/*.test{,-d}.ts'],
          exclude: ['test/{integration,e2e,conformance}/**', 'test/house/root-entry.test.ts'],
          isolate: false,
          setupFiles: ['test/support/one-process.ts'],
          testTimeout: timeout(60_000),
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: 'test/support/wires/global-setup.ts',
          testTimeout: timeout(60_000),
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: 'test/support/servers/global-setup.ts',
          testTimeout: timeout(60_000),
          hookTimeout: timeout(60_000),
        },
      },
      {
        extends: true,
        test: {
          name: 'conformance',
          include: ['test/conformance/**/*.test.ts'],
          testTimeout: timeout(180_000),
          hookTimeout: timeout(180_000),
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: ['test/house/root-entry.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
