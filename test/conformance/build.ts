import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'tsup'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export interface Built {
  /** The program, for this Node. */
  readonly file: string
  remove(): Promise<void>
}

/**
 * The sources of this repository as JavaScript, the SDKs as they are installed. The suite starts the client some
 * hundreds of times: to compile it each time would double what that takes.
 */
export async function buildProgram(name: 'client' | 'server'): Promise<Built> {
  // Inside the repository, so that the program finds node_modules.
  const parent = join(ROOT, 'temp')
  await mkdir(parent, { recursive: true })
  const folder = await mkdtemp(join(parent, 'conformance-'))
  await build({
    entry: [fileURLToPath(new URL(`${name}.ts`, import.meta.url))],
    outDir: folder,
    format: 'esm',
    splitting: true,
    external: [/^@modelcontextprotocol\//],
    config: false,
    silent: true,
  })
  return { file: join(folder, `${name}.js`), remove: () => rm(folder, { recursive: true, force: true }) }
}
