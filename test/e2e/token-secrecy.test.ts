import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import {
  BudgetClient,
  BudgetEvents,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  meter,
  withDelegation,
  wrapTransport,
  type BudgetEventName,
  type CallMiddleware,
} from 'mcp-budget'
import { attenuate, mint, type MintOptions } from 'mcp-budget/delegation'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { readToken } from '../../src/delegation/read-token.js'
import { keys } from '../support/tokens.js'
import { everything, TOKEN_LINKS, TOKEN_WAYS, type Seen } from '../support/token-link.js'

const EVENTS = {
  held: 0,
  charged: 0,
  refused: 0,
  unpriced: 0,
  tool_changed: 0,
  simulated: 0,
  overdrawn: 0,
  delegated: 0,
  closed: 0,
  revoked: 0,
  outage: 0,
  recovered: 0,
  delayed: 0,
  fault: 0,
} satisfies Omit<Record<BudgetEventName, number>, 'leased' | 'recalled' | 'forfeited' | 'reconciled' | 'covered'>
const NAMES = Object.keys(EVENTS) as BudgetEventName[]

const closing: Array<() => Promise<void> | void> = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** Everything that the process prints, and that any listener hears on the channels. */
function recorder() {
  const printed: string[] = []
  for (const stream of [process.stdout, process.stderr]) {
    const spy = vi.spyOn(stream, 'write').mockImplementation((chunk) => (printed.push(String(chunk)), true))
    closing.push(() => spy.mockRestore())
  }
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
    const spy = vi.spyOn(console, method).mockImplementation((...given) => void printed.push(everything(...given)))
    closing.push(() => spy.mockRestore())
  }
  const published: string[] = []
  const hear = (message: unknown): void => void published.push(everything(message))
  for (const name of NAMES) {
    subscribe(`mcp-budget:${name}`, hear)
    closing.push(() => void unsubscribe(`mcp-budget:${name}`, hear))
  }
  return { printed, published }
}

/** The text of a token, and its signature in whatever form: who has that can append to it. */
function secretsOf(token: string): string[] {
  const { signature } = readToken(token).raw
  const buffer = Buffer.from(signature)
  return [
    token,
    token.slice(5),
    token.slice(-40),
    buffer.toString('hex'),
    buffer.toString('base64url'),
    buffer.toString('base64').replace(/=$/, ''),
    buffer.toString('latin1'),
    buffer.join(', '),
  ]
}

const soon = (): number => Math.floor(Date.now() / 1_000) + 600
const tokenOn = (budget: string, more: Partial<MintOptions> = {}): string =>
  mint(keys, {
    budget,
    exp: soon(),
    ops: ['call', 'balance', 'delegate', 'close', 'revoke'],
    depth: 4,
    ...more,
  }) as string

interface Run {
  readonly tokens: readonly string[]
  readonly outputs: Readonly<Record<string, readonly string[]>>
}

/** A server where two tenants do everything that there is, and get everything wrong that there is. */
async function wholeRun([link, seat]: (typeof TOKEN_WAYS)[number]): Promise<
  Run & { readonly byTenant: Record<string, string[]> }
> {
  const { printed, published } = recorder()
  const ledger = new MemoryLedger()
  const memory = new InMemoryBudgetEnforcer({ ledger })
  memory.initialize('acme/agent-1', 1_000)
  memory.initialize('globex/purse-9', 777)
  const events = new BudgetEvents()
  const heard: string[] = []
  for (const name of NAMES) events.on(name, (event: unknown) => void heard.push(`${name} ${everything(event)}`))
  const stepped: string[] = []
  const spy: CallMiddleware = {
    name: 'spy',
    enter: (call) => (stepped.push(everything(call), JSON.stringify(call)), call),
    leave: (call, outcome) => (stepped.push(everything(call, outcome)), outcome),
    observe: (observed) => void stepped.push(everything(observed)),
  }
  const seen: Seen = []
  const header = link.includes('HTTP')
  const steps = meter({
    enforcer: memory,
    prices: { defaultCost: 5, costs: { dear: 50 } },
    ledger,
    events,
    awaitCapture: true,
    delegation: { keys, auth: header ? 'header' : 'meta' },
  })
  const open = await TOKEN_LINKS[link](seat, [spy, steps], seen)
  closing.push(() => open.close())
  const byTenant: Record<string, string[]> = { acme: [], globex: [] }
  const tokens: string[] = []
  for (const [tenant, budget] of [
    ['acme', 'acme/agent-1'],
    ['globex', 'globex/purse-9'],
  ] as const) {
    const answers = byTenant[tenant] as string[]
    // What the holder of a token is given by its own delegation is its own.
    const note = async (asked: Promise<any>): Promise<any> => {
      const answer = await asked.catch((error: unknown) => error)
      answers.push(
        everything(answer instanceof Error || answer?.token === undefined ? answer : { ...answer, token: '' }),
      )
      return answer
    }
    const connect = async (token?: string, headers?: Record<string, string>): Promise<any> => {
      const client = open.client()
      closing.push(() => client.close())
      const transport = open.transport(headers)
      await client.connect(
        token === undefined ? transport : wrapTransport(transport as any, withDelegation({ token, alias: true })),
      )
      return client
    }
    const root = tokenOn(budget)
    const narrow = attenuate(root, { max: 7 })
    const bad = [
      tokenOn(budget, { aud: 'x' }),
      tokenOn(`${tenant}/nobody`),
      root.slice(0, -3) + 'AAA',
      attenuate(root, { own: ['zz=1'] }, { kinds: [{ name: 'zz', parse: () => true, holds: () => true }] }),
    ]
    tokens.push(root, narrow, ...bad)
    const plain = await connect()
    const budgets = new BudgetClient(plain, { token: root })
    if (seat !== 'wrapTool') {
      const child = await note(budgets.delegate({ budget: 20, label: 'a' }))
      tokens.push(child.token)
      await note((await connect(child.token)).callTool({ name: 'look', arguments: {} }))
      await note(budgets.balance())
      await note(budgets.revoke({ token: child.token }))
      await note(budgets.close({ budget: child.budgetId }))
      await note(budgets.delegate({ budget: 5_000 }))
      await note(budgets.delegate({ budget: 1, restrictions: { tool: [root] } }))
      await note(budgets.close({ budget: root }))
      await note(budgets.revoke({ token: tokenOn('acme/agent-1', { aud: 'y' }) }))
      await note(budgets.delegate({ budget: 1, [root]: 1 }))
    }
    for (const token of [root, narrow, ...bad]) {
      const client = await connect(token)
      await note(client.listTools())
      for (const name of ['look', 'dear', 'none']) await note(client.callTool({ name, arguments: { q: 'x' } }))
      await note(client.callTool({ name: 'look', arguments: {}, _meta: { 'dev.mcp-budget/token': tokens[0] } }))
      await note(
        plain.callTool({ name: 'look', arguments: {}, _meta: { 'dev.mcp-budget/token': token, token: tokens[0] } }),
      )
      if (header)
        await note(
          (await connect(undefined, { authorization: `Bearer ${token}` })).callTool({ name: 'look', arguments: {} }),
        )
      if (header) await note((await connect(undefined, { 'mcp-budget-token': token })).listTools())
    }
  }
  const recorded = ledger.entries().map((each) => everything(each))
  const kept = [inspect(steps, { depth: 12, showHidden: true }), inspect(keys, { depth: 12, showHidden: true })]
  return { tokens, byTenant, outputs: { printed, published, heard, stepped, seen, recorded, kept, ...byTenant } }
}

describe.each(TOKEN_WAYS)('a whole run of two tenants, %s, %s,', (link, seat) => {
  test('shows no token and no signature in anything that comes out of it, and no tenant to the other [L-S31, T37]', async () => {
    const { tokens, outputs, byTenant } = await wholeRun([link, seat])
    expect(tokens.length).toBeGreaterThanOrEqual(12)
    for (const place of ['published', 'heard', 'stepped', 'seen', 'recorded', 'kept', 'acme', 'globex'])
      expect(outputs[place]?.length, place).toBeGreaterThan(0)
    const secrets = tokens.flatMap(secretsOf)
    for (const [place, texts] of Object.entries(outputs)) {
      const text = texts.join('\n')
      expect(
        secrets.filter((each) => text.includes(each)),
        place,
      ).toEqual([])
      expect(/mcpb_[\w-]{20,}/.exec(text)?.[0], place).toBeUndefined()
    }
    expect(byTenant['acme']?.join('\n')).not.toMatch(/globex|purse-9|777/)
    expect(byTenant['globex']?.join('\n')).not.toMatch(/acme|agent-1\b/)
  })
})
