import { STORE_OPTIONS, type Answer, type CliCommand, type Input } from './command.js'
import { versioned } from './open-store.js'
import { existsSync } from 'node:fs'

/** `migrate`: the tables of a store, made or brought to this version. */
export const migrate: CliCommand = {
  name: 'migrate',
  summary: 'Make the tables of a store in SQLite or PostgreSQL, or bring them to the version of this package.',
  options: [{ flags: '--dry-run', meaning: 'only say what would be done' }, ...STORE_OPTIONS],
  examples: ['mcp-budget migrate --dry-run', 'mcp-budget migrate --store sqlite:budgets.db'],
  async run({ options, address }: Input): Promise<Answer> {
    const dryRun = options['dryRun'] === true
    const store = address()
    if (store.kind === 'redis')
      return { lines: ['Redis has no tables. There is nothing to do.'], json: { from: null, to: null, dryRun } }
    // To look must not make the file.
    const isThere = store.kind !== 'sqlite' || existsSync(store.path)
    const place = dryRun && !isThere ? ({ kind: 'sqlite', path: ':memory:' } as const) : store
    const { versions, open, close } = await versioned(place, { create: true })
    const [from, to] = [versions.found, versions.newest]
    if (dryRun || from === to) await close()
    else await (await open()).close()
    return { lines: [sentence(from, to, dryRun)], json: { from, to, dryRun } }
  },
}

function sentence(from: number, to: number, dryRun: boolean): string {
  if (from === to) return `The tables are of version ${to}. There is nothing to do.`
  if (from === 0) return `${dryRun ? 'Would make' : 'Made'} the tables, of version ${to}.`
  return `${dryRun ? 'Would bring' : 'Brought'} the tables from version ${from} to version ${to}.`
}
