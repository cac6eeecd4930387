import { columns } from './columns.js'
import { momentOf } from './when.js'
import { STORE_OPTIONS, type Answer, type CliCommand, type Input } from './command.js'
import type { BudgetView } from 'mcp-budget'

const SHOWN_CHILDREN = 20
/** In the order of the equation: what came in is what is left, held, spent, moved on or burned. */
const BALANCES = ['available', 'held', 'spent', 'debt', 'in', 'out', 'burned'] as const
/** Of `held` and of `spent`, where something was leased. */
const OF_LEASES = ['leased', 'forfeited', 'leases'] as const

/** `budget show`: a budget as it stands. */
export const budgetShow: CliCommand = {
  name: 'budget show',
  summary: 'Show what a budget has, holds and has spent, and what stands above and below it.',
  takes: [['<budget>', 'tenant/name, or a bare name of the tenant `default`']],
  options: STORE_OPTIONS,
  examples: ['mcp-budget budget show agent-1', 'mcp-budget budget show acme/orchestrator --json'],
  async run({ args: [name = ''], open, terminal }: Input): Promise<Answer> {
    const { enforcer } = await open()
    const view = await enforcer.describe(name)
    return { lines: linesOf(view, terminal.now()), json: jsonOf(view) }
  },
}

function linesOf(view: BudgetView, now: number): readonly string[] {
  const { budget, state, parent, children, openHolds, allotment, window, expiresAt } = view
  const more = children.length - SHOWN_CHILDREN
  const below = children.slice(0, SHOWN_CHILDREN).join(', ') || 'none'
  return [
    ...columns([
      ['budget', budget],
      ['state', state],
      ['parent', parent ?? 'none'],
      ['children', more > 0 ? `${below} and ${more} more` : below],
      ['open holds', String(openHolds)],
      ...(allotment === undefined ? [] : [['began with', String(allotment)]]),
      ...(window === undefined ? [] : [['window ends', momentOf(window.end, now)]]),
      ...(expiresAt === undefined ? [] : [['ends', momentOf(expiresAt, now)]]),
    ]),
    '',
    ...columns([
      ...BALANCES.map((key) => [key, view[key]]),
      ...OF_LEASES.flatMap((key) => (view[key] === undefined ? [] : [[key, view[key]]])),
    ]),
  ]
}

function jsonOf(view: BudgetView): object {
  const { budget, state, parent, children, openHolds, allotment, window, expiresAt } = view
  return {
    budget,
    state,
    parent: parent ?? null,
    children,
    openHolds,
    ...Object.fromEntries(BALANCES.map((key) => [key, view[key]])),
    allotment: allotment ?? null,
    window: window ?? null,
    expiresAt: expiresAt ?? null,
    ...Object.fromEntries(OF_LEASES.map((key) => [key, view[key] ?? 0])),
  }
}
