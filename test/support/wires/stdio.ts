import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'
import type { Guarding } from './guard.js'
import { fileJournal } from './journal.js'
import type { Link, WireTransport } from './wire.js'

/** What starts a stdio server of this folder, in the shape both SDK generations take. */
export interface Spawn {
  command: string
  args: string[]
  env: Record<string, string>
  cwd: string
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** Every transport starts its own process of `server`; they share the journal. */
export function stdioLink(
  server: 'stdio-v1.js' | 'stdio-v2.js',
  connect: (spawn: Spawn) => WireTransport,
  guarding: Guarding | undefined,
): Link {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-wire-'))
  const journal = join(folder, 'journal')
  writeFileSync(journal, '')
  const env = { JOURNAL: journal, ...(guarding && { GUARDING: JSON.stringify(guarding) }) }
  const spawn = { command: process.execPath, args: [join(inject('stdioServers'), server)], env, cwd: ROOT }
  return {
    transport: () => connect(spawn),
    executions: fileJournal(journal).executions,
    async close() {
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
