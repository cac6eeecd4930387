import { expect, test } from 'vitest'
import { stepsAsJson, type Step } from '../../../../src/backends/redis/step.js'
import type { Authority } from '../../../../src/budget/authority.js'

const token: Authority = {
  tenant: 'default',
  budget: 'default/agent',
  registrations: [],
  prefixIds: ['p'],
  nonce: 'n',
  issuedAt: 1,
  ceilings: [],
  calls: [],
  rates: [],
}

const hold = (id: string, amount: string, authority?: Authority): Step => ({
  op: ['hold', id, 0, 0],
  lines: [2, [['default/agent', amount]]],
  authority: authority && [3, authority],
})

const read = (steps: readonly Step[]): [unknown[], unknown[], unknown[]] =>
  JSON.parse(stepsAsJson(steps)) as [unknown[], unknown[], unknown[]]

test('what requests have in common is sent once, and each names it by its place', () => {
  const [tokens, lines, requests] = read([hold('a', '1', token), hold('b', '2'), hold('c', '1', token)])
  expect(tokens).toHaveLength(1)
  expect(lines).toEqual([[['default/agent', '1']], [['default/agent', '2']]])
  expect(requests).toEqual([
    ['hold', 'a', 1, 1],
    ['hold', 'b', 2, 0],
    ['hold', 'c', 1, 1],
  ])
})

test('a request that is sent again, alone, names what is sent with it then', () => {
  const steps = [hold('a', '1'), hold('b', '2')]
  read(steps)
  expect(read(steps.slice(1))).toEqual([[], [[['default/agent', '2']]], [['hold', 'b', 1, 0]]])
})

test('a request without lines or a token is sent as it is', () => {
  expect(read([{ op: ['check', false, false, ['default/agent'], '5'] }])).toEqual([
    [],
    [],
    [['check', false, false, ['default/agent'], '5']],
  ])
})
