import { budgetId } from 'mcp-budget'
import { CAVEAT_OPTIONS, caveatsOf } from './caveat-options.js'
import { handOver, OUT_OPTION } from './token-out.js'
import { KEY_OPTIONS, readKey } from './secrets.js'
import { loadDelegation } from './drivers.js'
import { shown } from './amount.js'
import { text, type Answer, type CliCommand, type Input } from './command.js'
import { usage } from './cli-error.js'

const DAY_MS = 86_400_000

/** `token mint`: a new token, with a master key. */
export const tokenMint: CliCommand = {
  name: 'token mint',
  summary: 'Make a token on a budget. By default it may call and ask for its balance, and not delegate.',
  takes: [['<budget>', 'who pays: tenant/name, or a bare name of the tenant `default`']],
  options: [
    ...KEY_OPTIONS,
    { flags: '--exp <when>', meaning: 'when it ends: `1h` from now, a time within a day, or `never`; required' },
    ...CAVEAT_OPTIONS,
    OUT_OPTION,
  ],
  examples: [
    'mcp-budget token mint agent-1 --key-env BUDGET_KEY --kid 2026-11 --exp 1h --out agent-1.token',
    'mcp-budget token mint acme/bot --key-file master.key --kid 2026-11 --exp 12h --tool search --max 100',
  ],
  async run(input: Input): Promise<Answer> {
    const {
      args: [name = ''],
      options,
      terminal,
    } = input
    const budget = budgetId(name)
    const exp = text(options, 'exp')
    if (exp === undefined)
      throw usage(
        'Expected `--exp`, got none',
        'Say when the token ends, such as `--exp 1h`; `--exp never` if it must not',
      )
    const caveats = caveatsOf(exp === 'never' ? { ...options, exp: undefined } : options, terminal.now())
    if (exp !== 'never' && !(Number(caveats.exp) * 1_000 <= terminal.now() + DAY_MS))
      throw usage(
        `Expected \`--exp\` within 24 hours, got ${shown(exp)}`,
        'Or `--exp never`, for a token that does not end',
      )
    const named = await readKey(input)
    if (named === undefined)
      throw usage('Expected `--key-env` or `--key-file`, got neither', 'The key is never given as an argument')
    const { KeyRing, inspect, mint } = await loadDelegation()
    const token = await mint(new KeyRing({ current: named }), { ...caveats, budget, exp: caveats.exp ?? 'never' })
    return await handOver(token, input, await inspect(token))
  },
}
