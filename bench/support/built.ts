/** The package as it is published: built by the runner, and not the sources as tsx would load them. */
export const built = (await import(packageUrl())) as typeof import('mcp-budget')

function packageUrl(): string {
  const url = process.env['BENCH_PACKAGE']
  if (url === undefined) throw new Error('run it with `npm run bench`')
  return url
}
