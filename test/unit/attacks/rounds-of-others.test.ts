import { attenuate } from 'mcp-budget/delegation'
import { settle } from 'mcp-budget/testing'
import { describe, expect, test } from 'vitest'
import { MODERN } from '../../support/seat.js'
import { ALL_OPS, TOKEN, tokenSeat } from '../../support/token-seat.js'

/** A seat whose server asks for input first, and two agents with a budget each. */
async function two() {
  const seat = tokenSeat()
  const { transport, wire, mint, ask, handed } = seat
  const root = mint()
  const restrictions = { ops: ALL_OPS }
  const mine = await ask('budget/delegate', { budget: 100, restrictions }, root)
  const theirs = await ask('budget/delegate', { budget: 100, restrictions }, root)
  transport.onmessage = (message: any, extra?: any) => {
    handed.push({ message, extra })
    const asks = message.params.inputResponses === undefined
    const result = asks
      ? { resultType: 'input_required', inputRequests: {}, requestState: 'of-the-server' }
      : { resultType: 'complete', content: [] }
    void transport.send({ jsonrpc: '2.0', id: message.id, result })
  }
  let ids = 0
  const call = async (token: string | undefined, more: object = {}): Promise<any> => {
    const id = `m${++ids}`
    const _meta = { ...MODERN, ...(token !== undefined && { [TOKEN]: token }) }
    wire.receive({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'dear', arguments: {}, ...more, _meta } })
    await settle()
    return wire.messages.find((message) => message.id === id)
  }
  return { ...seat, root, mine, theirs, call }
}

describe('a call that waits for input', () => {
  test('goes on for who began it, and is paid once', async () => {
    const { call, mine, balance } = await two()
    const { requestState } = (await call(mine.token)).result
    expect(await call(mine.token, { requestState, inputResponses: {} })).toHaveProperty('result.content')
    expect(balance(mine.budgetId)).toMatchObject({ spent: 50, held: 0 })
  })

  test('is not for another principal: who brings its state is told what one with a forged state is told [L-S43, T07]', async () => {
    const { call, mine, theirs, balance } = await two()
    const { requestState } = (await call(mine.token)).result
    const { error } = await call(theirs.token, { requestState, inputResponses: {} })
    expect(error.data.error).toBe('invalid_request_state')
    const forged = requestState.replace(/^mcpb-s1\..{8}/, 'mcpb-s1.AAAAAAAA')
    expect((await call(theirs.token, { requestState: forged, inputResponses: {} })).error).toEqual(error)
    expect(balance(theirs.budgetId)).toMatchObject({ available: 100, spent: 0, held: 0 })
    // That of who began it is as it was, and goes on.
    expect(balance(mine.budgetId)).toMatchObject({ spent: 0, held: 50 })
    expect(await call(mine.token, { requestState, inputResponses: {} })).toHaveProperty('result.content')
    expect(balance(mine.budgetId)).toMatchObject({ spent: 50, held: 0 })
  })

  test('is not for who has no token, or one that serves no more [L-S43, T33]', async () => {
    const { call, ask, root, mine, balance, handed } = await two()
    const { requestState } = (await call(mine.token)).result
    const before = handed.length
    const more = { requestState, inputResponses: {} }
    for (const token of [undefined, 'mcpb_nonsense', attenuate(mine.token, { tool: ['read_*'] })])
      expect((await call(token, more)).error.data.error).toBe('invalid_request_state')
    expect(handed).toHaveLength(before)
    expect(balance(mine.budgetId)).toMatchObject({ spent: 0, held: 50 })
    expect(await ask('budget/balance', {}, root)).toHaveProperty('budgets')
  })
})
