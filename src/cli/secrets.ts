import { open } from 'node:fs/promises'
import { CliError, usage } from './cli-error.js'
import { text, type Input, type Option } from './command.js'

/** Where a master key comes from. */
export const KEY_OPTIONS: readonly Option[] = [
  { flags: '--key-env <name>', meaning: 'the name of the environment variable with the master key, in hex or base64' },
  { flags: '--key-file <path>', meaning: 'the file with the master key: raw bytes, hex or base64' },
  { flags: '--kid <id>', meaning: 'the id of the master key, as the gateway has it' },
]

/** Where a token comes from. */
export const TOKEN_ARGUMENT = ['[file]', 'the file with the token; standard input by default, or for -'] as const

const MOST_BYTES = 65_536
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/

/** A master key and its id. */
export interface NamedKey {
  readonly kid: string
  readonly key: Uint8Array
}

/**
 * The token in a file, or on standard input; never among the arguments.
 *
 * @throws CliError
 */
export async function readToken({ args: [file = '-'], terminal }: Input): Promise<string> {
  if (file !== '-') return (await readSecret(file)).toString('utf8').trim()
  if (terminal.isInteractive) terminal.say('Give the token, then Ctrl-D:')
  const token = (await terminal.read(MOST_BYTES)).toString('utf8').trim()
  if (token === '') throw usage('Expected a token on standard input, got nothing', 'Or name the file that it is in')
  return token
}

/**
 * The master key that the options name, or undefined where they name none.
 *
 * @throws CliError; what is in the variable or the file never stands in it
 */
export async function readKey({ options, terminal }: Input): Promise<NamedKey | undefined> {
  const [name, file, kid] = [text(options, 'keyEnv'), text(options, 'keyFile'), text(options, 'kid')]
  if (name !== undefined && file !== undefined) throw usage('Expected `--key-env` or `--key-file`, got both')
  if (name === undefined && file === undefined) {
    if (kid !== undefined) throw usage('Expected `--key-env` or `--key-file` with `--kid`, got neither')
    return undefined
  }
  if (kid === undefined)
    throw usage('Expected `--kid` with a key, got none', 'It is the `kid` of the key in the KeyRing of the gateway')
  if (file !== undefined) return { kid, key: bytesOf(await readSecret(file), '--key-file') }
  const value = VARIABLE.test(name ?? '') ? terminal.env[name ?? ''] : undefined
  // Nothing of it is repeated: a key may have been given in place of a name.
  if (value === undefined || value === '')
    throw usage('Expected `--key-env` to be the name of a variable that is set, got another text')
  return { kid, key: bytesOf(Buffer.from(value), '--key-env') }
}

/** A key as it is kept: raw, or as text in hex or base64. */
function bytesOf(kept: Buffer, where: string): Uint8Array {
  if (kept.some((byte) => byte > 0x7e || (byte < 0x20 && ![9, 10, 13].includes(byte)))) return kept
  const written = kept.toString('latin1').trim()
  if (/^(?:[0-9a-fA-F]{2}){32,}$/.test(written)) return Buffer.from(written, 'hex')
  if (/^[A-Za-z0-9+/_-]{43,}={0,2}$/.test(written)) return Buffer.from(written, 'base64')
  throw new CliError({
    slug: 'invalid_config',
    message: `Expected ${where} to hold at least 32 random bytes, in hex or base64, got a text that is neither`,
    hint: 'Make one: `openssl rand -base64 32`',
  })
}

async function readSecret(path: string): Promise<Buffer> {
  const unreadable = (cause: unknown): never => {
    const { code = 'a fault' } = cause as NodeJS.ErrnoException
    const message = `Expected a file that can be read, got ${FAULTS[code] ?? code}: ${path}`
    throw new CliError({ slug: 'unreadable_file', message, cause })
  }
  const file = await open(path).catch(unreadable)
  try {
    const bytes = Buffer.alloc(MOST_BYTES + 1)
    let length = 0
    // A pipe, such as `<(vault read …)`, gives it in pieces, and a piece of a key may look like a key.
    for (let read = 1; read > 0 && length < bytes.length; length += read)
      read = (await file.read(bytes, length, bytes.length - length, null).catch(unreadable)).bytesRead
    if (length <= MOST_BYTES) return bytes.subarray(0, length)
    throw new CliError({ slug: 'too_large', message: `Expected up to ${MOST_BYTES} bytes, got more: ${path}` })
  } finally {
    await file.close()
  }
}

const FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'none',
  EISDIR: 'a folder',
  EACCES: 'one that you may not read',
}
