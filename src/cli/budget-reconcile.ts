import { amountOf } from './amount.js'
import { CliError, usage } from './cli-error.js'
import { EXIT } from './exit-code.js'
import { printable } from './columns.js'
import { plural } from './when.js'
import { refused } from './refused.js'
import { requestId } from './request-id.js'
import { STORE_OPTIONS, text, type Answer, type CliCommand, type Input, type Options } from './command.js'
import type { ChargeId, Credits } from 'mcp-budget'
import type { OpenStore } from './open-store.js'

/** What became of one lease: `reason` says why nothing came back. */
interface Told {
  readonly lease: ChargeId
  readonly used: Credits
  readonly returned: Credits
  readonly reason: string | null
  readonly id: string
}

/** `budget reconcile`: what leases that fell silent have not used. */
export const budgetReconcile: CliCommand = {
  name: 'budget reconcile',
  summary: 'Give back what forfeited leases cannot have used: those in the journal of a process that ended, or one.',
  takes: [['[journal]', 'the file that the process has as `journal` of its `LeasedEnforcer`']],
  options: [
    { flags: '--lease <id>', meaning: 'this lease, in place of those in a journal' },
    { flags: '--used <amount>', meaning: 'how much of `--lease` was used at most' },
    {
      flags: '--id <text>',
      meaning: 'the id of the request about `--lease`: the same id gets the same answer; made of the lease by default',
    },
    ...STORE_OPTIONS,
  ],
  examples: [
    'mcp-budget budget reconcile leases.journal',
    'mcp-budget budget reconcile --lease mgp2x9k1-3f9ab27c-4 --used 30',
  ],
  async run({ args: [path], options, open, ifUnanswered }: Input): Promise<Answer> {
    const one = leaseOf(path, options)
    const id = requestId(options)
    const leases = one ?? (await leasesIn(path as string))
    const store = await open()
    ifUnanswered('Nobody knows what has happened. Repeat it: no lease comes back twice')
    const told: Told[] = []
    for (const [lease, used] of leases) told.push(await reconciled(store, { lease, used, id }))
    const [first] = told
    if (one !== undefined && first !== undefined && first.reason !== null) throw refused(first.reason)
    const returned = told.reduce((sum, each) => sum + each.returned, 0)
    const isDone = told.every(({ reason }) => reason === null || reason === 'hold_ended')
    return {
      lines: [...told.map(lineOf), `${plural(returned, 'credit')} of ${plural(told.length, 'lease')} came back.`],
      json: { returned, leases: told },
      ...(!isDone && { exitCode: EXIT.failed }),
    }
  },
}

/** The lease that the options name; `undefined` where a journal was given. */
function leaseOf(path: string | undefined, options: Options): ReadonlyMap<ChargeId, Credits> | undefined {
  const [lease, used] = [text(options, 'lease'), text(options, 'used')]
  if (path === undefined && lease === undefined)
    throw usage('Expected a journal, or `--lease` with `--used`, got neither', 'Without a process that crashed, nothing is forfeited') // prettier-ignore
  if (path === undefined && lease !== undefined) {
    if (used === undefined)
      throw usage('Expected `--used` with `--lease`, got none', 'What nobody knows, count as used')
    return new Map([[lease, amountOf(used, { what: '`--used`' })]])
  }
  for (const name of ['lease', 'used', 'id'])
    if (text(options, name) !== undefined)
      throw usage(`Expected a journal or \`--${name}\`, got both`, 'The journal says what was used of each lease')
  return undefined
}

async function leasesIn(path: string): Promise<ReadonlyMap<ChargeId, Credits>> {
  const { readJournal } = await import('mcp-budget/leases')
  try {
    return await readJournal(path)
  } catch (cause) {
    const { code, syscall } = Object(cause) as NodeJS.ErrnoException
    if (syscall === undefined) throw cause
    const message = `Expected a journal that can be read, got ${code ?? 'a fault'}: ${path}`
    throw new CliError({ slug: 'unreadable_file', message, cause })
  }
}

async function reconciled(
  { enforcer }: OpenStore,
  { lease, used, id = `${lease}.b` }: Pick<Told, 'lease' | 'used'> & { readonly id: string | undefined },
): Promise<Told> {
  const answer = await enforcer.reconcile({ id, leaseId: lease, used })
  if (answer.kind === 'reconciled') return { lease, used, returned: answer.returned, reason: null, id }
  // By an id that is made of the lease, only the same lease can have come before.
  const isSame = answer.reason === 'id_reused' && id === `${lease}.b`
  return { lease, used, returned: 0, reason: isSame ? 'hold_ended' : answer.reason, id }
}

function lineOf({ lease, used, returned, reason }: Told): string {
  const name = printable(lease)
  if (reason === null) return `${name}: ${returned} came back, for ${used} at most were used.`
  const { message, hint = '' } = refused(reason)
  return `${name}: nothing. ${message}. ${hint}`
}
