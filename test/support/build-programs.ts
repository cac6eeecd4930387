import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'tsup'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export interface Built {
  /** Where the programs are, for this Node: `client.ts` has become `client.js`. */
  readonly folder: string
  remove(): Promise<void>
}

/**
 * Programs of `test/` as JavaScript, with the sources of this repository and the SDKs in them, for tests that start them
 * some hundreds of times. To start one so takes 0.15 s of a processor; through tsx, a second.
 *
 * @param entries - From the root of the repository, of one folder.
 */
export async function buildPrograms(...entries: readonly string[]): Promise<Built> {
  // Inside the repository, so that what is not in the programs is found in node_modules.
  const parent = join(ROOT, 'temp')
  await mkdir(parent, { recursive: true })
  const folder = await mkdtemp(join(parent, 'programs-'))
  await build({
    entry: entries.map((entry) => join(ROOT, entry)),
    outDir: folder,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    splitting: true,
    noExternal: [/^@modelcontextprotocol\//, 'zod'],
    // Packages in them that are no modules ask for builtins by `require`.
    banner: {
      js: "import { createRequire as requireOfPrograms } from 'node:module'; const require = requireOfPrograms(import.meta.url);",
    },
    removeNodeProtocol: false,
    config: false,
    silent: true,
  })
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}
