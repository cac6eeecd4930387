import { open } from 'node:fs/promises'
import { CliError } from './cli-error.js'
import { text, type Answer, type Input, type Option } from './command.js'

/** Where a new token goes. */
export const OUT_OPTION: Option = {
  flags: '--out <path>',
  meaning: 'write it to a new file that only you can read, in place of standard output',
}

/**
 * Hands a new token over: on standard output, and nothing else there, or in a file of mode 0600 that was not there.
 *
 * @throws CliError
 */
export async function handOver(
  token: string,
  { options }: Input,
  about: { readonly tokenId: string; readonly budget: string; readonly caveats: readonly string[] },
): Promise<Answer> {
  const path = text(options, 'out')
  const { tokenId, budget, caveats } = about
  if (path === undefined) return { lines: [token], json: { tokenId, budget, caveats, token, out: null } }
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(`${token}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'EEXIST' ? 'one that is there' : (code ?? 'a fault')
    throw new CliError({
      slug: 'unwritable_file',
      message: `Expected a new file to write to, got ${why}: ${path}`,
      cause,
    })
  }
  return {
    lines: [`Wrote token ${tokenId} of ${budget} to ${path}.`],
    json: { tokenId, budget, caveats, token: null, out: path },
  }
}
