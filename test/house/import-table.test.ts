import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { judge, TABLE } from './import-table.js'
import { type Import, importsOf, importsUnder, sourceFiles } from './imports.js'

describe('src', () => {
  const imports = importsUnder('src')

  test('imports only what the table of the house allows', () => {
    expect(imports.map((found) => judge(found)).filter((fault) => fault !== undefined)).toEqual([])
  })

  test('has a row in the table for every file', () => {
    const rows = Object.keys(TABLE)
    const homeless = sourceFiles('src').filter((file) => !rows.some((row) => file === row || file.startsWith(row)))
    expect(homeless).toEqual([])
  })

  test('names files that exist, with the extension that Node needs', () => {
    const missing = imports.filter(({ specifier, target }) => {
      if (target === undefined) return false
      return !/\.js$/.test(specifier) || !existsSync(`src/${target}`)
    })
    expect(missing).toEqual([])
  })

  test('names no SDK in any way', () => {
    expect(imports.filter(({ specifier }) => specifier.startsWith('@modelcontextprotocol/'))).toEqual([])
  })

  test('is read at all', () => {
    expect(imports.length).toBeGreaterThan(0)
  })
})

describe('the table', () => {
  const fault = (from: string, text: string): string[] => importsOf(from, text).flatMap((found) => judge(found) ?? [])

  test.each([
    ['core imports core', 'core/call.ts', `import { parse } from './credits.js'`],
    ['core imports eventemitter3', 'core/events.ts', `import { EventEmitter } from 'eventemitter3'`],
    ['core imports the crypto port', 'core/ids.ts', `import { crypto } from '#crypto'`],
    ['core imports the port of diagnostics', 'core/events.ts', `import { diagnostics } from '#diagnostics'`],
    [
      'the node half of the port of diagnostics imports its builtin',
      'core/diagnostics/node.ts',
      `import { channel } from 'node:diagnostics_channel'`,
    ],
    [
      'the node half of the crypto port imports node:crypto',
      'core/crypto/node.ts',
      `import { createHash } from 'node:crypto'`,
    ],
    ['a feature imports its own folder', 'pricing/cost-profile.ts', `import { match } from './pattern.js'`],
    ['a feature imports a port of another', 'delegation/delegate.ts', `import { a } from '../budget/enforcer.js'`],
    ['a feature imports a type of another', 'tasks/operation.ts', `import type { Price } from '../pricing/price.js'`],
    [
      'a feature re-exports a type of another',
      'tasks/operation.ts',
      `export type { Price } from '../pricing/price.js'`,
    ],
    ['the preset imports features', 'meter.ts', `import { withBudget } from './budget/with-budget.js'`],
    [
      'shadow mode imports the memory store',
      'budget/shadow-gate.ts',
      `import { a } from '../backends/memory/enforcer.js'`,
    ],
    ['the engine imports the hold rules', 'backends/engine/a.ts', `import { step } from '../../budget/hold.js'`],
    ['the memory store imports the engine', 'backends/memory/a.ts', `import { Engine } from '../engine/engine.js'`],
    ['a seat imports a type of a feature', 'mcp/refusal.ts', `import { type Mode } from '../budget/mode.js'`],
    ["the tests' entry imports seats", 'testing/fake.ts', `import { wrapTransport } from '../mcp/wrap-transport.js'`],
  ])('allows it when %s', (_, from, text) => {
    expect(importsOf(from, text)).toHaveLength(1)
    expect(fault(from, text)).toEqual([])
  })

  test.each([
    ['core imports a feature', 'core/call.ts', `import { match } from '../pricing/pattern.js'`],
    ['core imports even a type of a feature', 'core/call.ts', `import type { A } from '../budget/enforcer.js'`],
    ['core imports a node: builtin', 'core/ids.ts', `import { randomUUID } from 'node:crypto'`],
    ['the web half of the crypto port imports node:crypto', 'core/crypto/web.ts', `import { a } from 'node:crypto'`],
    ['a feature imports a value of another', 'tasks/operation.ts', `import { match } from '../pricing/pattern.js'`],
    ['a feature imports half a value of another', 'tasks/a.ts', `import { type A, b } from '../pricing/pattern.js'`],
    ['a feature re-exports everything of another', 'tasks/a.ts', `export * from '../pricing/pattern.js'`],
    ['a feature loads another while it runs', 'tasks/a.ts', `await import('../pricing/pattern.js')`],
    ['a feature requires another', 'tasks/a.ts', `const a = require('../pricing/pattern.js')`],
    ['a feature imports a store', 'budget/with-budget.ts', `import { a } from '../backends/memory/enforcer.js'`],
    ['a feature imports a seat', 'budget/with-budget.ts', `import type { A } from '../mcp/wire.js'`],
    ['the preset imports a seat', 'meter.ts', `import { wrapTransport } from './mcp/wrap-transport.js'`],
    ['the engine imports a store', 'backends/engine/a.ts', `import { a } from '../memory/deadlines.js'`],
    ['the memory store imports a node: builtin', 'backends/memory/a.ts', `import 'node:fs'`],
    ['a seat imports a value of a feature', 'mcp/wrap-tool.ts', `import { a } from '../budget/with-budget.js'`],
    ['a seat imports a type of the SDK', 'mcp/wire.ts', `import type { A } from '@modelcontextprotocol/sdk/types.js'`],
    ['a seat names a type of the SDK', 'mcp/wire.ts', `let a: import('@modelcontextprotocol/client').Client`],
    ['the root names zod', 'index.ts', `import * as z from 'zod'`],
    ['a name is computed', 'core/a.ts', 'await import(`./${name}.js`)'],
    ['it leads out of src/', 'core/a.ts', `import { a } from '../../test/support/a.js'`],
    ['a file is in no known folder', 'helpers/a.ts', `import { a } from '../core/call.js'`],
  ])('refuses it when %s', (_, from, text) => {
    expect(fault(from, text)).toHaveLength(1)
  })
})

describe('the reader', () => {
  const read = (text: string): Pick<Import, 'specifier' | 'typeOnly'>[] =>
    importsOf('core/a.ts', text).map(({ specifier, typeOnly }) => ({ specifier, typeOnly }))

  test('finds every way to import', () => {
    const text = `
      import a from 'default'
      import type b from 'type'
      import 'effect'
      import c = require('equals')
      export { d } from 'export'
      export * as e from 'star'
      let f: import('inline').F
      const g = () => import('dynamic')
    `
    expect(read(text)).toEqual([
      { specifier: 'default', typeOnly: false },
      { specifier: 'type', typeOnly: true },
      { specifier: 'effect', typeOnly: false },
      { specifier: 'equals', typeOnly: false },
      { specifier: 'export', typeOnly: false },
      { specifier: 'star', typeOnly: false },
      { specifier: 'inline', typeOnly: true },
      { specifier: 'dynamic', typeOnly: false },
    ])
  })

  test('ignores what only looks like an import', () => {
    expect(read(`// import { a } from 'comment'\nconst b = "import { a } from 'text'"`)).toEqual([])
  })
})
