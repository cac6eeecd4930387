/**
 * A call that asks for input on 2026-07-28, with one process for its beginning and another for its end. It is paid
 * once. Who brings the second half again pays again, and a process without the keys does not take it up.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { InMemoryBudgetEnforcer } from 'mcp-budget'
import { handlerOf, listen } from './server.js'

const enforcer = new InMemoryBudgetEnforcer()
enforcer.initialize('agent-1', 20)
const booked: string[] = []
const log = (what: string): void => void booked.push(what)

// #region keys
const current = randomBytes(32) // out of your secrets; the same in every process
const retired = randomBytes(32)

const first = await listen(handlerOf(enforcer, [current, retired], log))
const second = await listen(handlerOf(enforcer, [current, retired], log))
// #endregion keys
const stranger = await listen(handlerOf(enforcer, [randomBytes(32)], log))
/** Not restarted since the keys were rotated. */
const old = await listen(handlerOf(enforcer, [retired], log))

interface Rpc {
  readonly method: string
  readonly params: { readonly requestState?: string }
}

/** A round of a call as it was sent. */
let round: RequestInit = {}
const places: string[] = []

/** A load balancer, such that the first round of a call goes to one process and the others to another. */
async function balance(begin: string, goOn: string, init: RequestInit): Promise<Response> {
  const { method, params } = JSON.parse(init.body as string) as Rpc
  if (method !== 'tools/call') return fetch(begin, init)
  const isFurther = params.requestState !== undefined
  if (isFurther) round = init
  places.push(isFurther ? goOn : begin)
  return fetch(isFurther ? goOn : begin, init)
}

console.log('An agent has 20 credits, and a table costs 10')
assert.equal(await book(first.url, second.url), 'booked 2 seats on Friday')
assert.deepEqual(places, [first.url, second.url])
show({ spent: 10, held: 0, available: 10 })

console.log('The second round alone, brought again: a call of its own, which is asked for nothing and pays')
assert.equal((await answerOf(second.url, round)).result?.content[0]?.text, 'booked 2 seats on Friday')
show({ spent: 20, held: 0, available: 0 })
console.log('And once more')
assert.equal((await answerOf(first.url, round)).error?.data?.error, 'budget_exhausted')
show({ spent: 20, held: 0, available: 0 })

console.log('A process without the keys does not take it up')
assert.equal((await answerOf(stranger.url, round)).error?.data?.error, 'invalid_request_state')

console.log('What a process sealed with the retired key goes on where the key is known')
enforcer.grant({ id: 'top-up', budget: 'agent-1', amount: 10 })
assert.equal(await book(old.url, second.url), 'booked 2 seats on Friday')
show({ spent: 30, held: 0, available: 0 })

assert.deepEqual(booked, Array(3).fill('2 seats on Friday'))
for (const http of [first, second, stranger, old]) http.close()

async function book(begin: string, goOn: string): Promise<string> {
  const capabilities = { elicitation: { form: {} } }
  const versionNegotiation = { mode: { pin: '2026-07-28' } } as const
  const client = new Client({ name: 'agent', version: '1.0.0' }, { capabilities, versionNegotiation })
  client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { day: 'Friday' } }))
  const through = { fetch: (_url: string | URL, init: RequestInit = {}) => balance(begin, goOn, init) }
  await client.connect(new StreamableHTTPClientTransport(new URL(begin), through))
  const { content } = await client.callTool({ name: 'book', arguments: { seats: 2 } })
  await client.close()
  return (content as ReadonlyArray<{ readonly text: string }>)[0]?.text ?? ''
}

interface Answer {
  readonly result?: { readonly content: ReadonlyArray<{ readonly text: string }> }
  readonly error?: { readonly data?: { readonly error?: string } }
}

/** What a process answers to a round, whoever brings it. */
async function answerOf(url: string, { method, headers, body }: RequestInit): Promise<Answer> {
  return (await (await fetch(url, { method: method!, headers: headers!, body: body! })).json()) as Answer
}

function show(wanted: { spent: number; held: number; available: number }): void {
  const { spent, held, available } = enforcer.describe('agent-1')
  console.log(`  ${spent} spent + ${held} held + ${available} left`)
  assert.deepEqual({ spent, held, available }, wanted)
}
