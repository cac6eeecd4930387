/**
 * What the root entry adds to a page that uses all of it: bundled for a browser, brotli, without eventemitter3. A bundler
 * leaves out what is not imported. The limit goes up only with a feature: 20 kB were the core; the seats of servers, the
 * seal of rounds and the balance came to 6, the store that judges tokens to 3.3, the calendar of windows to 1.4, the
 * report of shadow mode to 1.3, pins of tools to 0.9. Taking tokens came to 11: 17 kinds of caveats, codec and chain, four
 * methods, and what keeps a token from everybody. Without `withDelegation` and `meter` a bundle has only the last of it.
 * Tasks and retries, with their store in memory, came to 9, and what every store refuses at its border to 0.3.
 * Pages, queries and export of a ledger came to 1.4, and a record before each call (`auditRequired`) to 0.5.
 * The rules of leases, which the store in memory has too, came to 1.7; the process that spends them is another entry.
 * Ends of budgets in the ledger, its gaps, and calls that are refused while ends wait came to 0.2.
 */
export default [
  {
    name: 'mcp-budget',
    path: 'dist/index.js',
    ignore: ['eventemitter3'],
    limit: '58.8 kB',
    // The `paths` of tsconfig.json lead to the sources; who installs the package has none.
    modifyEsbuildConfig: (config) => ({ ...config, tsconfigRaw: '{}' }),
  },
]
