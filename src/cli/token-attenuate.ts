import { CAVEAT_OPTIONS, caveatsOf } from './caveat-options.js'
import { handOver, OUT_OPTION } from './token-out.js'
import { loadDelegation } from './drivers.js'
import { readToken, TOKEN_ARGUMENT } from './secrets.js'
import { usage } from './cli-error.js'
import type { Answer, CliCommand, Input } from './command.js'

/** `token attenuate`: a narrower token of one, without a key. */
export const tokenAttenuate: CliCommand = {
  name: 'token attenuate',
  summary: 'Make a narrower token of one. No key is needed, nobody is asked, and it spends the same budget.',
  takes: [TOKEN_ARGUMENT],
  options: [
    { flags: '--exp <when>', meaning: 'when it ends: `1h` from now, or a time' },
    ...CAVEAT_OPTIONS,
    OUT_OPTION,
  ],
  examples: [
    'mcp-budget token attenuate agent-1.token --max 50 --tool search --out intern.token',
    'mcp-budget token attenuate --exp 10m < agent-1.token',
  ],
  async run(input: Input): Promise<Answer> {
    const caveats = caveatsOf(input.options, input.terminal.now())
    if (Object.keys(caveats).length === 0)
      throw usage(
        'Expected something to narrow the token to, got nothing',
        'Such as `--max 50`, `--tool search` or `--exp 10m`',
      )
    const token = await readToken(input)
    const { attenuate, inspect } = await loadDelegation()
    const narrow = attenuate(token, caveats)
    return await handOver(narrow, input, await inspect(narrow))
  },
}
