import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

interface Check {
  readonly id: string
  readonly status: string
}

/** Per scenario: how often each check came out how, as `<check> <status>`. */
export type Summary = Readonly<Record<string, Readonly<Record<string, number>>>>

/** What the suite wrote into its output folder: `<scenario>-<time>/checks.json`. */
export async function readSummary(folder: string): Promise<Summary> {
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('checks.json')).sort()
  const scenarios = await Promise.all(
    files.map(async (file) => {
      const scenario = dirname(file)
        .replaceAll('\\', '/')
        .replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, '')
      const checks = JSON.parse(await readFile(join(folder, file), 'utf8')) as Check[]
      return [scenario, count(checks)] as const
    }),
  )
  return Object.fromEntries(scenarios)
}

/** The scenarios that a check failed in. */
export function failing(summary: Summary): string[] {
  return Object.keys(summary).filter((name) => Object.keys(summary[name] ?? {}).some((key) => key.endsWith(' FAILURE')))
}

function count(checks: readonly Check[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { id, status } of checks) {
    const key = `${id} ${status}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}
