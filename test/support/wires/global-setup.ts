import type { TestProject } from 'vitest/node'
import { buildPrograms } from '../build-programs.js'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The folder of `stdio-v1.js`, `stdio-v2.js` and `stdio-metered.js`. */
    readonly stdioServers: string
  }
}

/** Builds the stdio servers of this folder once: the tests start more than a hundred of them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const servers = ['v1', 'v2', 'metered'].map((name) => `test/support/wires/stdio-${name}.ts`)
  const { folder, remove } = await buildPrograms(...servers)
  project.provide('stdioServers', folder)
  return remove
}
