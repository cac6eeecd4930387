import {
  compose,
  InMemoryBudgetEnforcer,
  MemoryLedger,
  meter,
  refuse,
  withBudget,
  withCostProfile,
  withLedger,
  wrapClient,
  wrapTool,
  wrapTransport,
  type BudgetEnforcer,
  type CallMiddleware,
  type HoldingEnforcer,
  type Priced,
  type SeatOptions,
  type ToolCall,
} from 'mcp-budget'
import { describe, expectTypeOf, test } from 'vitest'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { type InMemoryTransport as InMemoryV1 } from '@modelcontextprotocol/sdk/inMemory.js'
import { type StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { Client as ClientV2, type InMemoryTransport as InMemoryV2 } from '@modelcontextprotocol/client'

/*
 * What the compiler must refuse is marked `@ts-expect-error`: `tsc` fails where it does not. The bodies are compiled and
 * never run.
 */
const enforcer = new InMemoryBudgetEnforcer()
const budget = withBudget({ enforcer, budget: 'a' })
const prices = withCostProfile({ defaultCost: 5 })
const ledger = withLedger({ ledger: new MemoryLedger() })
declare const transport: InMemoryV1
const compiled = (_body: () => unknown): void => {}

describe('the order of steps', () => {
  test('is checked by the compiler', () => {
    compiled(() => compose(prices, budget))
    compiled(() => compose(ledger, prices, budget))
    compiled(() => compose(prices, ledger, budget))
    compiled(() => compose())
    // @ts-expect-error -- nothing gives a cost
    compiled(() => compose(budget))
    // @ts-expect-error -- the cost comes too late
    compiled(() => compose(budget, prices))
    // @ts-expect-error -- the ledger gives no cost
    compiled(() => compose(ledger, budget))
    // @ts-expect-error -- what is no step
    compiled(() => compose(prices, budget, 7))
  })

  test('is checked at every seat, with settings and without', () => {
    compiled(() => wrapTransport(transport, prices, budget))
    compiled(() => wrapTransport(transport, { server: 's' }, prices, budget))
    compiled(() => wrapTransport(transport, meter({ enforcer, budget: 'a', prices: { defaultCost: 5 } })))
    compiled(() => wrapClient(new ClientV1({ name: 'a', version: '1' }), prices, budget))
    compiled(() => wrapTool('t', () => ({ content: [] }), prices, budget))
    // @ts-expect-error -- the cost comes too late
    compiled(() => wrapTransport(transport, budget, prices))
    // @ts-expect-error -- the cost comes too late
    compiled(() => wrapTransport(transport, { server: 's' }, budget, prices))
    // @ts-expect-error -- nothing gives a cost
    compiled(() => wrapClient(new ClientV1({ name: 'a', version: '1' }), budget))
    // @ts-expect-error -- nothing gives a cost
    compiled(() => wrapTool('t', () => ({ content: [] }), budget))
  })

  test('is checked for steps of one’s own', () => {
    interface Tagged {
      readonly tag: string
    }
    const tag: CallMiddleware<unknown, Tagged> = { name: 'tag', enter: (call) => ({ ...call, tag: 'x' }) }
    const read: CallMiddleware<Tagged> = {
      name: 'read',
      enter: (call) => (call.tag === '' ? refuse(call.tool, { error: 'step_failed', reason: 'step_failed' }) : call),
    }
    const both: CallMiddleware<Tagged & Priced> = { name: 'both' }
    compiled(() => compose(tag, read))
    compiled(() => compose(tag, prices, both, budget))
    // @ts-expect-error -- the tag comes too late
    compiled(() => compose(read, tag))
    // @ts-expect-error -- there is a tag and no price
    compiled(() => compose(tag, both))
  })
})

describe('the types at the seats', () => {
  test('give back what they were given', () => {
    expectTypeOf(() => wrapTransport({} as StdioV1, prices)).returns.toEqualTypeOf<StdioV1>()
    expectTypeOf(() => wrapTransport({} as InMemoryV2, prices)).returns.toEqualTypeOf<InMemoryV2>()
    expectTypeOf(() => wrapClient({} as ClientV1, prices)).returns.toEqualTypeOf<ClientV1>()
    expectTypeOf(() => wrapClient({} as ClientV2, prices)).returns.toEqualTypeOf<ClientV2>()
    const handler = (args: { n: number }, extra: { signal: AbortSignal }) => ({ content: [], args, extra })
    expectTypeOf(() => wrapTool('t', handler, prices)).returns.toEqualTypeOf<typeof handler>()
  })

  test('fit the clients of both generations', () => {
    compiled(() => ({}) as ClientV1 satisfies { connect: (transport: StdioV1) => unknown })
    compiled(() =>
      (async () => {
        await new ClientV1({ name: 'a', version: '1' }).connect(wrapTransport({} as StdioV1, prices))
        await new ClientV2({ name: 'a', version: '1' }).connect(wrapTransport({} as InMemoryV2, prices))
      })(),
    )
  })

  test('refuse settings that there are not', () => {
    // @ts-expect-error -- no such way to refuse
    compiled((): SeatOptions => ({ refusal: 'exception' }))
    // @ts-expect-error -- no such slug
    compiled((): SeatOptions => ({ codes: { budget_empty: 1 } }))
    // @ts-expect-error -- no such mode
    compiled(() => withBudget({ enforcer, budget: 'a', mode: 'strict' }))
    // @ts-expect-error -- an open store without a bound
    compiled(() => withBudget({ enforcer, budget: 'a', failMode: 'open' }))
    // @ts-expect-error -- a handler answers with isError results only
    compiled(() => wrapTool('t', () => ({ content: [] }), { refusal: 'error' }, prices, budget))
  })
})

describe('the ports', () => {
  test('take an enforcer of four lines [seed-003:four-verbs]', () => {
    const four: BudgetEnforcer = {
      check: (_budget, cost) => ({ allowed: cost <= 10, remaining: 10 }),
      spend: async ({ cost }) => ({ allowed: cost <= 10, remaining: 10 }),
      remaining: () => 10,
      initialize: () => {},
    }
    compiled(() => withBudget({ enforcer: four, budget: 'a' }))
    expectTypeOf<InMemoryBudgetEnforcer>().toExtend<HoldingEnforcer>()
    expectTypeOf<HoldingEnforcer>().toExtend<BudgetEnforcer>()
  })

  test('take a reason that belongs to its slug, and no other', () => {
    compiled(() => refuse('t', { error: 'budget_exhausted', reason: 'insufficient' }))
    // @ts-expect-error -- a reason of another slug
    compiled(() => refuse('t', { error: 'budget_exhausted', reason: 'forbidden_tool' }))
  })

  test('hand on calls that nobody may change', () => {
    expectTypeOf<ToolCall>().toEqualTypeOf<Readonly<ToolCall>>()
  })
})
