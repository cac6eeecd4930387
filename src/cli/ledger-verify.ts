import { readFile } from 'node:fs/promises'
import { CliError, usage } from './cli-error.js'
import { found } from './verification-words.js'
import { ledgerOf } from './ledger-store.js'
import { numberedRecords } from './numbered-file.js'
import type { PublicKey, VerifyOptions } from 'mcp-budget/audit'
import { existsSync } from 'node:fs'
import { STORE_OPTIONS, text, texts, type Answer, type CliCommand, type Input } from './command.js'
import type { OpenStore } from './open-store.js'

/** `ledger verify`: whether the ledger is what it was. */
export const ledgerVerify: CliCommand = {
  name: 'ledger verify',
  summary: 'Prove the ledger: its chain, its seals, its sums and the balances. Names the first place that is wrong.',
  options: [
    { flags: '--checkpoints <path>', meaning: 'the file of checkpoints, from outside of the store' },
    {
      flags: '--key <path>',
      meaning: 'a file with a public key of the sealer, as PEM; may be given more than once',
      many: true,
    },
    { flags: '--store-id <text>', meaning: 'which store the checkpoints must be of; that of the first by default' },
    { flags: '--file <path>', meaning: 'verify this file of `ledger export --format numbered`, and no store' },
    ...STORE_OPTIONS,
  ],
  examples: [
    'mcp-budget ledger verify',
    'mcp-budget ledger verify --checkpoints /mnt/audit/checkpoints.jsonl --key sealer.pub.pem',
    'mcp-budget ledger verify --file whole.jsonl --checkpoints checkpoints.jsonl --key sealer.pub.pem',
  ],
  async run(input: Input): Promise<Answer> {
    const { options, open, terminal } = input
    const file = text(options, 'file')
    const proofs = await proofsOf(input)
    const progress = (records: number): void => terminal.progress(`${records} records`)
    const { verifyLedger } = await import('mcp-budget/audit')
    const what = file === undefined ? partsOf(await open()) : { ledger: numberedRecords(file) }
    return found(await verifyLedger({ ...what, ...proofs, progress }))
  },
}

function partsOf(store: OpenStore): Pick<VerifyOptions, 'ledger' | 'seals' | 'balances'> {
  if (store.kind === 'redis') {
    // Its first records are gone, as if somebody had taken them.
    const message = 'Expected a store whose ledger keeps all records, got one in redis, which folds them'
    throw new CliError({ slug: 'not_supported', message, hint: 'SQLite and PostgreSQL do' })
  }
  const { seals } = store.enforcer
  return { ledger: ledgerOf(store, 'partitions', 'numbered'), balances: store.enforcer, seals }
}

async function proofsOf({ options }: Input): Promise<Pick<VerifyOptions, 'checkpoints' | 'keys' | 'store'>> {
  const [path, paths, store] = [text(options, 'checkpoints'), texts(options, 'key') ?? [], text(options, 'storeId')]
  if (path === undefined) {
    if (paths.length > 0 || store !== undefined)
      throw usage('Expected `--checkpoints` with `--key` and `--store-id`, got none')
    return {}
  }
  if (paths.length === 0)
    throw usage('Expected `--key` with `--checkpoints`, got none', 'It is the public key of the sealer, as PEM')
  // A list that is not there has no checkpoints; but one that was named and is not there is a slip.
  if (!existsSync(path))
    throw new CliError({ slug: 'unreadable_file', message: `Expected a file of checkpoints, got none: ${path}` })
  const { publicKey, readCheckpoints } = await import('mcp-budget/audit')
  const keys: PublicKey[] = []
  for (const each of paths) keys.push(publicKey(await pemIn(each)))
  return { checkpoints: readCheckpoints(path), keys, ...(store !== undefined && { store }) }
}

async function pemIn(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const message = `Expected a public key that can be read, got ${cause.code ?? 'a fault'}: ${path}`
    throw new CliError({ slug: 'unreadable_file', message, cause })
  })
}
