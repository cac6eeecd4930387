/** The entry for leases, of the package as it is published. Apart from the root, so that other goals do not load it. */
export const builtLeases = (await import(entryUrl())) as typeof import('mcp-budget/leases')

function entryUrl(): string {
  const url = process.env['BENCH_PACKAGE']
  if (url === undefined) throw new Error('run it with `npm run bench`')
  return new URL('leases.js', url).href
}
