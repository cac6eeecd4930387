import { randomUUID } from 'node:crypto'
import { amountOf } from './amount.js'
import { refused } from './refused.js'
import { requestId } from './request-id.js'
import { STORE_OPTIONS, type Answer, type CliCommand, type Input } from './command.js'
import { usage } from './cli-error.js'
import { budgetId, BudgetError } from 'mcp-budget'
import type { OpenStore } from './open-store.js'

/** `budget grant`: new credits. */
export const budgetGrant: CliCommand = {
  name: 'budget grant',
  summary: 'Give new credits to a budget. With --create, make a budget that begins with them.',
  takes: [
    ['<budget>', 'tenant/name, or a bare name of the tenant `default`'],
    ['<amount>', 'credits, as digits'],
  ],
  options: [
    { flags: '--create', meaning: 'make the budget; one that is there with another amount is an error' },
    {
      flags: '--id <text>',
      meaning: 'the id of the request: within ten minutes the same id counts once; made up by default',
    },
    ...STORE_OPTIONS,
  ],
  examples: [
    'mcp-budget budget grant agent-1 1000 --create',
    'mcp-budget budget grant agent-1 500',
    'mcp-budget budget grant agent-1 500 --id invoice-2026-11',
  ],
  async run({ args: [name = '', typed = ''], options, open, ifUnanswered }: Input): Promise<Answer> {
    const budget = budgetId(name)
    const create = options['create'] === true
    const amount = amountOf(typed, { least: create ? 0 : 1 })
    const given = requestId(options)
    if (create && given !== undefined)
      throw usage('Expected `--id` without `--create`, got both', '`--create` is safe to repeat: it never adds credits')
    if (create) return await created(await open({ create }), budget, amount)
    const id = given ?? randomUUID()
    const { enforcer } = await open()
    ifUnanswered(`Nobody knows whether it happened. Repeat it within ten minutes with \`--id ${id}\`: it counts once`)
    const answer = await enforcer.grant({ id, budget, amount })
    if (answer.kind === 'refused') throw refused(answer.reason)
    const { remaining } = answer
    return {
      lines: [
        `Granted ${amount} to ${budget}, which has ${remaining} available.`,
        `Request ${id}: repeated with this --id within ten minutes, it counts once.`,
      ],
      json: { budget, amount, remaining, id, created: false },
    }
  },
}

async function created({ enforcer }: OpenStore, budget: string, amount: number): Promise<Answer> {
  const before = await leftOf(enforcer, budget)
  await enforcer.initialize(budget, amount)
  const remaining = before ?? amount
  return {
    lines: [
      before === undefined
        ? `Created ${budget} with ${amount}.`
        : `${budget} was there, and began with ${amount}. It has ${remaining} available. Nothing was changed.`,
    ],
    json: { budget, amount, remaining, id: null, created: before === undefined },
  }
}

async function leftOf(enforcer: OpenStore['enforcer'], budget: string): Promise<number | undefined> {
  try {
    return await enforcer.remaining(budget)
  } catch (error) {
    if (BudgetError.isInstance(error) && error.code === 'unknown_budget') return undefined
    throw error
  }
}
