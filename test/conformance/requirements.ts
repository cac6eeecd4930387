import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

export type Revision = '2025-11-25' | '2026-07-28'

const ENTRY = createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/dist/index.js')

/** The program of the conformance suite. It does not start on Node 20. */
export const SUITE = ENTRY

/** The scenarios that a revision requires of one side, from the list that the suite is published with. */
export async function requiredScenarios(revision: Revision, side: 'client' | 'server'): Promise<string[]> {
  const lists = await readFile(join(dirname(ENTRY), '..', 'requirements', `${revision}.yaml`), 'utf8')
  const section = new RegExp(`^${side}:\\n((?:  .*\\n|\\n| *#.*\\n)+)`, 'm').exec(lists)?.[1] ?? ''
  const names = [...section.matchAll(/^ {2}- (\S+)/gm)].map((match) => match[1] ?? '')
  if (names.length === 0) throw new Error(`the suite lists no ${side} scenarios for ${revision}`)
  return names
}
