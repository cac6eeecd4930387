import { usage } from './cli-error.js'
import { text, type Options } from './command.js'

/** Which store, and where. */
export type StoreAddress =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string; readonly schema: string | undefined }
  | { readonly kind: 'redis'; readonly url: string; readonly prefix: string | undefined }

const SCHEMES = '`sqlite:<path>`, `postgres://…` or `redis://…`'
const VARIABLE = 'MCP_BUDGET_STORE'

/**
 * The store that the options name, or the environment.
 *
 * @throws CliError `usage`; for a password among the arguments too
 */
export function storeAddress(options: Options, env: Readonly<Record<string, string | undefined>>): StoreAddress {
  const given = text(options, 'store')
  const address = given ?? env[VARIABLE] ?? ''
  const where = given === undefined ? VARIABLE : '--store'
  const [schema, prefix] = [text(options, 'schema'), text(options, 'prefix')]
  if (address === '') throw usage(`Expected a store, got none`, `Set ${VARIABLE}, or give \`--store\`: ${SCHEMES}`)
  const [, scheme = ''] = /^([a-z]+):/.exec(address) ?? []
  const only = (name: string, value: string | undefined, kind: string): void => {
    if (value !== undefined)
      throw usage(`Expected \`${name}\` with a store in ${kind} only, got it with \`${scheme}:\``)
  }
  if (scheme === 'sqlite') {
    only('--schema', schema, 'PostgreSQL')
    only('--prefix', prefix, 'Redis')
    const path = address.slice('sqlite:'.length)
    // A URI can mean memory, or a file that only is read: then what is done is gone, and looks done.
    if (path === '' || path === ':memory:' || /^file:/i.test(path))
      throw usage(`Expected ${where} to name a file by its path, got none`)
    return { kind: 'sqlite', path }
  }
  if (scheme === 'postgres' || scheme === 'postgresql') {
    only('--prefix', prefix, 'Redis')
    return { kind: 'postgres', url: checked(address, where), schema }
  }
  if (scheme === 'redis' || scheme === 'rediss') {
    only('--schema', schema, 'PostgreSQL')
    return { kind: 'redis', url: checked(address, where), prefix }
  }
  const got = scheme === '' ? 'an address without a scheme' : `\`${scheme}:\``
  throw usage(`Expected ${where} to be ${SCHEMES}, got ${got}`)
}

// The address itself never stands in an error: it may have a password in it.
function checked(address: string, where: string): string {
  if (!URL.canParse(address)) throw usage(`Expected ${where} to be a URL, got one that cannot be read`)
  const { password, searchParams } = new URL(address)
  if (where === '--store' && (password !== '' || searchParams.has('password')))
    throw usage(
      'Expected `--store` without a password, got one with it',
      `Others on this machine can read arguments. Put the whole address into ${VARIABLE}`,
    )
  return address
}
