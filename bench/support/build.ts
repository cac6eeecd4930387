import { copyFileSync, mkdirSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { resolve } from 'node:path'
import { build } from 'tsup'

/** Beside a package.json of its own, so that names with a `#` lead into the same build; git ignores the folder. */
const FOLDER = 'temp/bench'

/** Builds the package as `npm run build` does, without types and apart from dist/; answers with its root entry. */
export async function buildPackage(): Promise<URL> {
  mkdirSync(FOLDER, { recursive: true })
  copyFileSync('package.json', `${FOLDER}/package.json`)
  await build({ outDir: `${FOLDER}/dist`, format: ['esm'], dts: false, silent: true })
  return pathToFileURL(resolve(FOLDER, 'dist/index.js'))
}
