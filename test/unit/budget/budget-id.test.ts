import fc from 'fast-check'
import { budgetId } from 'mcp-budget'
import { describe, expect, test } from 'vitest'
import { tenantOf } from '../../../src/budget/budget-id.js'

const PART = /^[A-Za-z0-9_-]{1,64}$/

describe('a budget id', () => {
  test('has a tenant and a name, and a bare name belongs to the tenant default', () => {
    expect([budgetId('agent-1'), budgetId('acme/agent-1')]).toEqual(['default/agent-1', 'acme/agent-1'])
    expect(tenantOf(budgetId('acme/agent-1'))).toBe('acme')
    expect(budgetId(budgetId('agent-1'))).toBe('default/agent-1')
  })

  test('is nothing but two plain parts, whatever the text [T38]', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary', maxLength: 140 }), fc.stringMatching(/^[\w/-]{0,80}$/)),
        (text) => {
          const parts = text.split('/')
          const isId = parts.length <= 2 && parts.every((part) => PART.test(part) && !part.includes('\n'))
          if (isId) expect(budgetId(text)).toBe(parts.length === 2 ? text : `default/${text}`)
          else expect(() => budgetId(text)).toThrow(/Expected a budget as/)
        },
      ),
    )
  })
})
