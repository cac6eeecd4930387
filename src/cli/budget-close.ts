import { randomUUID } from 'node:crypto'
import { CliError, usage } from './cli-error.js'
import { plural } from './when.js'
import { refused } from './refused.js'
import { requestId } from './request-id.js'
import { STORE_OPTIONS, type Answer, type CliCommand, type Input } from './command.js'
import type { BudgetView } from 'mcp-budget'

/** `budget close`: the end of a budget, and of all below it. */
export const budgetClose: CliCommand = {
  name: 'budget close',
  summary:
    'Close a budget and all below it, for good. What is left goes to the nearest open budget above, or is burned.',
  takes: [['<budget>', 'tenant/name, or a bare name of the tenant `default`']],
  options: [
    { flags: '--yes', meaning: 'do not ask; needed where nobody can be asked' },
    {
      flags: '--id <text>',
      meaning: 'the id of the request: within ten minutes the same id gets the same answer; made up by default',
    },
    ...STORE_OPTIONS,
  ],
  examples: ['mcp-budget budget close acme/research', 'mcp-budget budget close acme/research --yes'],
  async run({ args: [name = ''], options, terminal, open, ifUnanswered }: Input): Promise<Answer> {
    const isSure = options['yes'] === true
    if (!isSure && !terminal.isInteractive)
      throw usage(
        'Expected `--yes`, got no terminal to ask on',
        'Closing cannot be undone: add `--yes` to close without a question',
      )
    const id = requestId(options) ?? randomUUID()
    const { enforcer } = await open()
    const view = await enforcer.describe(name)
    if (!isSure && !/^y(es)?$/i.test((await terminal.ask(questionOf(view))).trim()))
      throw new CliError({ slug: 'not_confirmed', message: 'Nothing was closed' })
    ifUnanswered('Nobody knows whether it happened. Repeat it: what is closed stays closed')
    const answer = await enforcer.close({ id, budget: name, why: 'closed' })
    if (answer.kind === 'refused') throw refused(answer.reason)
    const { budget, parent } = view
    const { state, openHolds } = await enforcer.describe(budget)
    const where =
      parent === undefined ? 'burned, for no budget stands above it' : 'back in the nearest open budget above'
    return {
      lines: [
        `Closed ${budget}. ${answer.returned} credits are ${where}.`,
        ...(state === 'closing' ? [`${plural(openHolds, 'call')} under way may finish first.`] : []),
      ],
      json: { budget, returned: answer.returned, state, openHolds, id },
    }
  },
}

function questionOf({ budget, available, children, openHolds, parent }: BudgetView): string {
  const below = children.length === 0 ? '' : `, ${plural(children.length, 'budget')} below it and all below those`
  const what = parent === undefined ? 'are burned' : 'go to the nearest open budget above'
  const calls = openHolds === 0 ? '' : ` ${plural(openHolds, 'call')} under way may finish.`
  return `Close ${budget}${below}, for good? Its ${available} available credits ${what}.${calls} [y/N] `
}
