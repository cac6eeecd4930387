/** The entries of stores, of the package as it is published. Apart from the root, so that other goals do not load them. */
export const builtSqlite = (await import(entryUrl('sqlite.js'))) as typeof import('mcp-budget/sqlite')
export const builtPostgres = (await import(entryUrl('postgres.js'))) as typeof import('mcp-budget/postgres')

function entryUrl(name: string): string {
  const url = process.env['BENCH_PACKAGE']
  if (url === undefined) throw new Error('run it with `npm run bench`')
  return new URL(name, url).href
}
