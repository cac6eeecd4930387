/** What the root entry adds to a page: bundled for a browser, brotli, without eventemitter3. The limit goes up only with a feature. */
export default [
  {
    name: 'mcp-budget',
    path: 'dist/index.js',
    ignore: ['eventemitter3'],
    limit: '21.5 kB',
    // The `paths` of tsconfig.json lead to the sources; who installs the package has none.
    modifyEsbuildConfig: (config) => ({ ...config, tsconfigRaw: '{}' }),
  },
]
