import { copyFileSync, mkdirSync } from 'node:fs'
import { defineConfig } from 'tsup'

/**
 * One build, two formats. `splitting` puts what the entries share into chunks, so that a class is the same class
 * whether it came through `mcp-budget` or `mcp-budget/testing` (once per format).
 *
 * `#crypto` and `#diagnostics` stay imports in the output: package.json "imports" gives them to Node's modules where the
 * condition `node` holds, and to WebCrypto and to nobody elsewhere. Each implementation is an entry of its own, and is
 * not exported.
 */
const library = defineConfig({
  entry: {
    index: 'src/index.ts',
    audit: 'src/audit/index.ts',
    delegation: 'src/delegation/index.ts',
    drain: 'src/ledger/drain/index.ts',
    postgres: 'src/backends/postgres/index.ts',
    sqlite: 'src/backends/sqlite/index.ts',
    redis: 'src/backends/redis/index.ts',
    leases: 'src/leases/index.ts',
    testing: 'src/testing/index.ts',
    'crypto/node': 'src/core/crypto/node.ts',
    'crypto/web': 'src/core/crypto/web.ts',
    'diagnostics/node': 'src/core/diagnostics/node.ts',
    'diagnostics/web': 'src/core/diagnostics/web.ts',
  },
  format: ['esm', 'cjs'],
  target: 'es2022',
  splitting: true,
  treeshake: false,
  sourcemap: true,
  // The other build may be there first.
  clean: ['!cli.js', '!cli.LICENSE.txt'],
  external: ['#crypto', '#diagnostics', 'libsql'],
  // The default strips `node:` from builtins, which Deno and bundlers then take for packages.
  removeNodeProtocol: false,
  dts: {
    entry: {
      index: 'src/index.ts',
      audit: 'src/audit/index.ts',
      delegation: 'src/delegation/index.ts',
      drain: 'src/ledger/drain/index.ts',
      postgres: 'src/backends/postgres/index.ts',
      sqlite: 'src/backends/sqlite/index.ts',
      redis: 'src/backends/redis/index.ts',
      leases: 'src/leases/index.ts',
      testing: 'src/testing/index.ts',
    },
    // tsup sets baseUrl, which TypeScript 6 calls deprecated.
    compilerOptions: { ignoreDeprecations: '6.0' },
  },
})

/**
 * The command is one file, with commander in it. It uses this package by its own name, as its users do: so each entry
 * is loaded when a command needs it, and drivers are those that the user has installed.
 */
const cli = defineConfig({
  entry: { cli: 'src/cli/main.ts' },
  format: 'esm',
  target: 'es2022',
  splitting: false,
  external: [/^mcp-budget/],
  noExternal: ['commander'],
  removeNodeProtocol: false,
  // What is not a module in it, and there is only commander, asks for builtins by `require`.
  banner: {
    js: "import { createRequire as requireOfCommander } from 'node:module'; const require = requireOfCommander(import.meta.url);",
  },
  onSuccess: async () => {
    mkdirSync('dist', { recursive: true })
    copyFileSync('node_modules/commander/LICENSE', 'dist/cli.LICENSE.txt')
  },
})

export default [library, cli]
