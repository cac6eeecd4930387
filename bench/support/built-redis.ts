/** The entry for budgets in Redis, of the package as it is published. Apart from the root, so that other goals do not load it. */
export const builtRedis = (await import(entryUrl())) as typeof import('mcp-budget/redis')

function entryUrl(): string {
  const url = process.env['BENCH_PACKAGE']
  if (url === undefined) throw new Error('run it with `npm run bench`')
  return new URL('redis.js', url).href
}
