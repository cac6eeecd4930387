import { defineConfig } from 'tsup'

/**
 * One build, two formats. `splitting` puts what the entries share into chunks, so that a class is the same class
 * whether it came through `mcp-budget` or `mcp-budget/testing` (once per format).
 *
 * `#crypto` and `#diagnostics` stay imports in the output: package.json "imports" gives them to Node's modules where the
 * condition `node` holds, and to WebCrypto and to nobody elsewhere. Each implementation is an entry of its own, and is
 * not exported.
 */
export default defineConfig({
  entry: {
    index: 'src/index.ts',
    delegation: 'src/delegation/index.ts',
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
  clean: true,
  external: ['#crypto', '#diagnostics', 'libsql'],
  // The default strips `node:` from builtins, which Deno and bundlers then take for packages.
  removeNodeProtocol: false,
  dts: {
    entry: {
      index: 'src/index.ts',
      delegation: 'src/delegation/index.ts',
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
