/** More of seats and tokens: bodies, bans, pots that are burned, and secrets in errors. */
import {
  BudgetClient,
  compose,
  InMemoryBudgetEnforcer,
  withBudget,
  withCostProfile,
  withDelegation,
  wrapServerFactory,
  wrapTool,
  type ToolCall,
} from 'mcp-budget'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { attenuate } from 'mcp-budget/delegation'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { full, TOKEN, tokenSeat } from '../../support/attacked-seat.js'
import { keys } from '../../support/tokens.js'
import { asyncEnforcer, FakeClock, faultyEnforcer, settle } from 'mcp-budget/testing'

// Why: the request of a call of an earlier revision has a body that nobody has read yet, with `_meta` as it came.
test.each(['wrapServerFactory', 'wrapTool'])(
  'the body of a v2 request shows the token to no handler: %s',
  async (how) => {
    const enforcer = new InMemoryBudgetEnforcer()
    enforcer.initialize('acme/agent-1', 100)
    const steps = [
      withDelegation({ keys, enforcer }),
      withCostProfile({ defaultCost: 5 }),
      withBudget({ enforcer }),
    ] as const
    let body = ''
    const read = async (_: unknown, { http }: any) => {
      body = await (http.req as Request).text().catch(String)
      return { content: [] }
    }
    const make = () => {
      const server = new McpServer({ name: 'a', version: '1' })
      server.registerTool('t', { inputSchema: z.object({}) }, how === 'wrapTool' ? wrapTool('t', read, ...steps) : read)
      return server
    }
    const { fetch } = createMcpHandler(how === 'wrapTool' ? make : wrapServerFactory(make, ...steps)) as any
    const params = { name: 't', arguments: {}, _meta: { [TOKEN]: full() } }
    const answer = await fetch(
      new Request('http://localhost/mcp', {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
      }),
    )
    expect(await answer.text()).toContain('"content":[]')
    expect(body).not.toContain(full())
  },
)

// Why: all bans of a tenant share one table, and what an agent bans of its own narrowed tokens is never refused.
test('what one agent revokes leaves room for what the operator revokes [T39]', async () => {
  const seat = tokenSeat()
  const token = full('exp=1800080000')
  const revoke = (i: number) => seat.ask('budget/revoke', { token: full('exp=1800080000', `calls=${i}`) }, token)
  for (let i = 1; i <= 1_000; i++) expect((await revoke(i)).result.returned).toBe(0)
  expect((await revoke(1_001)).error.data.error).toBe('delegation_failed')
  const stolen = seat.memory.revoke({ id: 'op', budget: 'acme/agent-1', nonce: 'stolen' })
  expect(stolen.kind).toBe('revoked')
})

// Why: a minted budget has nothing above it, so `close` burns what is left, and answers `returned`.
test('no token burns the pot that it was minted on, which it may share [T34]', async () => {
  const seat = tokenSeat()
  await seat.ask('budget/close', { budget: 'agent-1' }, attenuate(full(), { max: 5 }))
  expect(seat.memory.describe('acme/agent-1')).toMatchObject({ state: 'open', available: 100 })
})

// Why: what is given in place of settings is written into the error; a text that is not long, as it is.
describe('a secret in the wrong place is in no error', () => {
  const secret = 'a-secret-of-27-characters-x'
  const client = { request: () => Promise.resolve({}) }
  test.each([
    ['withDelegation(token)', () => withDelegation(secret as never)],
    ['new BudgetClient(client, token)', () => new BudgetClient(client, secret as never)],
    ['withDelegation({ keys: token })', () => withDelegation({ keys: secret as never })],
    ['the budget of a secret', () => withDelegation({ auth: 'config', token: secret, budget: `${secret}!` })],
  ])('%s', (_, make) => {
    let message = ''
    try {
      make()
    } catch (error) {
      message = String(error)
    }
    expect(message).toMatch(/Expected/)
    expect(message).not.toContain(secret)
  })
})

// Why: what is no number is compared as one, and keys of a rate that nobody knows are left out.
test.each([
  [{ exp: '1900000000' }],
  [{ exp: [1_900_000_000] }],
  [{ depth: '0' }],
  [{ max: '5' }],
  [{ rate: { calls: 1, seconds: 1, per: 'tool' } }],
])('what is not a restriction as written is refused: %j', async (restrictions) => {
  const seat = tokenSeat()
  const { error } = await seat.ask('budget/delegate', { budget: 5, restrictions }, full())
  expect(error?.data.error).toBe('invalid_params')
})

// Why: the setting has no effect without `approve`, and looks like a limit.
test('a limit for approvals without anybody who approves is a mistake [T49]', () => {
  expect(() => withDelegation({ keys, approveAbove: 5 })).toThrow(/approve/)
})

// Why: nobody looks whether somebody still waits when the approval comes.
test.each(['cancelled', 'closed'])('a delegation that is %s while it is being approved moves nothing', async (how) => {
  let approve: (answer: boolean) => void = () => {}
  const seat = tokenSeat({
    delegation: { approve: () => new Promise<boolean>((resolve) => void (approve = resolve)) },
  })
  await seat.ask('budget/delegate', { budget: 30 }, full())
  if (how === 'closed') await seat.wire.close()
  else seat.wire.receive({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })
  await settle()
  approve(true)
  await settle()
  expect(seat.available()).toBe(100)
})

// Why: the token is cleared when the call comes, and the person is asked after that.
test('a token that ends while its call is being approved does not pay for it', async () => {
  let approve: (answer: boolean) => void = () => {}
  const seat = tokenSeat({ budget: { approve: () => new Promise<boolean>((resolve) => void (approve = resolve)) } })
  await seat.call(full('exp=1800000010'))
  await seat.clock.advanceAsync(3_600_000)
  approve(true)
  await settle()
  expect(seat.ran).toHaveLength(0)
})

// Why: `undefined` means that nothing is compared, also where the operator says how a tenant is known.
test('where a function says the tenant, a caller without one brings no token of a tenant [T37]', async () => {
  const seat = tokenSeat({ delegation: { tenant: (call: ToolCall) => call.auth?.clientId } })
  const as = (clientId: string) => ({ authInfo: { token: 't', clientId, scopes: [] } })
  expect((await seat.call(full(), 'search', {}, as('other'))).error.data.error).toBe('unauthorized')
  expect((await seat.call(full()))?.error.data.error).toBe('unauthorized')
})

// Why: with a budget of its own the step needs no principal, and one that comes later pays nothing, without a word.
test('a delegation behind the budget is a wrong order [T51]', () => {
  const enforcer = new InMemoryBudgetEnforcer()
  enforcer.initialize('team', 100)
  const steps = [
    withCostProfile({ defaultCost: 5 }),
    withBudget({ enforcer, budget: 'team' }),
    withDelegation({ keys, enforcer }),
  ] as const
  expect(() => compose(...steps)).toThrow(/withDelegation/)
})

// Why: where a method is not served here, its request is handed on, and the token in it is a parameter.
test('a token that is to be revoked is shown to no handler of a server that revokes none', async () => {
  const seat = tokenSeat({ delegation: { enforcer: undefined } })
  await seat.ask('budget/revoke', { token: attenuate(full(), { calls: 1 }) }, full())
  expect(JSON.stringify(seat.ran)).not.toContain('mcpb_')
})

// Why: the kit runs the request at once, and looks at its answer when the time has come: a rejection kills the process.
test('a store of the kit that throws late throws to whoever asked, and to nobody else', async () => {
  const clock = new FakeClock()
  const memory = asyncEnforcer(new InMemoryBudgetEnforcer({ clock }))
  const late = faultyEnforcer(memory, { describe: { 1: { late: 50 } } }, clock)
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  const answer = Promise.resolve(late.describe('none')).catch(() => {})
  await settle()
  clock.advance(50)
  await answer
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})
