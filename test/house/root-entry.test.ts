import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { assertFreshBuild, walk } from './built.js'

/** A project that has installed the package as npm would pack it, its one dependency, and the package that mints. */
let consumer: string

beforeAll(() => {
  assertFreshBuild()
  consumer = realpathSync(mkdtempSync(join(tmpdir(), 'mcp-budget-consumer-')))
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', consumer]
  const windows = process.platform === 'win32'
  const printed = execFileSync(windows ? 'npm.cmd' : 'npm', pack, {
    encoding: 'utf8',
    shell: windows,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [packed] = JSON.parse(printed) as { filename: string }[]
  execFileSync('tar', ['-xzf', packed!.filename], { cwd: consumer })
  mkdirSync(join(consumer, 'node_modules'))
  cpSync(join(consumer, 'package'), join(consumer, 'node_modules/mcp-budget'), { recursive: true })
  for (const name of ['eventemitter3', 'macaroon', 'sjcl', 'tweetnacl', 'tweetnacl-util']) {
    cpSync(join('node_modules', name), join(consumer, 'node_modules', name), { recursive: true })
  }
  writeFileSync(join(consumer, 'package.json'), '{ "private": true, "type": "module" }')
})

afterAll(() => rmSync(consumer, { recursive: true, force: true }))

/** What a fresh Node prints, in the consumer's folder. */
function node(...args: string[]): string {
  return execFileSync(process.execPath, args, { cwd: consumer, encoding: 'utf8' }).trim()
}

describe.each(['import', 'require'] as const)('the built root, by %s', (format) => {
  test.each(['default', 'node'] as const)(
    'loads eventemitter3 and nothing else, under the condition `%s`',
    (condition) => {
      expect(walk('.', format, condition).names).toEqual(['eventemitter3'])
    },
  )

  test('loads nothing that is only for tests', () => {
    expect(walk('.', format, 'node').files.filter((file) => file.startsWith('dist/testing'))).toEqual([])
  })
})

describe.each(['import', 'require'] as const)('the built ./testing, by %s', (format) => {
  test('loads no builtin and no test runner, where the condition `node` does not hold', () => {
    expect(walk('./testing', format, 'default').names.filter((name) => name !== 'eventemitter3')).toEqual([])
  })
})

describe.each(['import', 'require'] as const)('the built ./delegation, by %s', (format) => {
  test.each(['default', 'node'] as const)('loads macaroon and no builtin, under the condition `%s`', (condition) => {
    expect(walk('./delegation', format, condition).names.filter((name) => name !== 'eventemitter3')).toEqual([
      'macaroon',
    ])
  })
})

describe.each(['import', 'require'] as const)('the built ./redis, by %s', (format) => {
  test.each(['default', 'node'] as const)('loads no client and no builtin, under the condition `%s`', (condition) => {
    expect(walk('./redis', format, condition).names.filter((name) => name !== 'eventemitter3')).toEqual([])
  })
})

describe('the packed package', () => {
  const ERROR = `new BudgetError({ code: 'invalid_config', message: 'x' })`

  test('is imported by a module', () => {
    const code = `
      import { BudgetError } from 'mcp-budget'
      import * as testing from 'mcp-budget/testing'
      console.log(BudgetError.isInstance(${ERROR}), Object.keys(testing).length > 0)`
    expect(node('--input-type=module', '-e', code)).toBe('true true')
  })

  test('is required by a script', () => {
    const code = `
      const { BudgetError } = require('mcp-budget')
      const testing = require('mcp-budget/testing')
      console.log(BudgetError.isInstance(${ERROR}), Object.keys(testing).length > 0)`
    expect(node('--input-type=commonjs', '-e', code)).toBe('true true')
  })

  test.each([
    ['a module', 'module', `(await import('mcp-budget/delegation'))`],
    ['a script', 'commonjs', `require('mcp-budget/delegation')`],
  ])('mints a token that it verifies, for %s', (_, type, load) => {
    const code = `
      const { KeyRing, mint, attenuate, verifyToken } = ${load}
      const key = globalThis.crypto.getRandomValues(new Uint8Array(32))
      const keys = new KeyRing({ current: { kid: 'k1', key } })
      const token = attenuate(mint(keys, { budget: 'acme/agent-1', exp: 'never' }), { max: 5, call: 1, tool: ['a'] })
      console.log(verifyToken(token, { keys }).authority.budget, verifyToken(token + 'A', { keys }).reason)`
    expect(node(`--input-type=${type}`, '-e', code)).toBe('acme/agent-1 invalid_token')
  })

  test('knows its errors across its two copies', () => {
    const code = `
      import { createRequire } from 'node:module'
      import { BudgetError } from 'mcp-budget'
      const other = createRequire(import.meta.url)('mcp-budget')
      console.log(other.BudgetError === BudgetError, other.BudgetError.isInstance(${ERROR}))`
    expect(node('--input-type=module', '-e', code)).toBe('false true')
  })

  test.each([
    ['a module', 'module', (name: string) => `(await import('${name}'))`],
    ['a script', 'commonjs', (name: string) => `require('${name}')`],
  ])('has one class of a name in both entries, for %s', (_, type, load) => {
    const code = `
      const root = ${load('mcp-budget')}
      const testing = ${load('mcp-budget/testing')}
      const shared = Object.keys(root).filter((name) => name in testing)
      console.log(shared.filter((name) => root[name] !== testing[name]).join())`
    expect(node(`--input-type=${type}`, '-e', code)).toBe('')
  })

  test.each([
    ['a module', 'module', `await import('mcp-budget')`],
    ['a script', 'commonjs', `require('mcp-budget')`],
  ])('publishes its events to channels of Node, for %s', (_, type, load) => {
    const code = `
      const { BudgetEvents } = ${load}
      const { subscribe } = process.getBuiltinModule('node:diagnostics_channel')
      subscribe('mcp-budget:fault', ({ where }) => console.log(where))
      new BudgetEvents().emit('fault', { where: 'here', error: 1 })`
    expect(node(`--input-type=${type}`, '-e', code)).toBe('here')
  })

  test('lets nobody import what is not exported', () => {
    const code = `import('mcp-budget/dist/index.js').catch((error) => console.log(error.code))`
    expect(node('--input-type=module', '-e', code)).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })

  test('shows its package.json', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
    expect(node('-p', `require('mcp-budget/package.json').version`)).toBe(version)
  })

  test('runs in a browser bundle, in a place that has no Node', async () => {
    const code = await bundle(`
      import { BudgetError } from 'mcp-budget'
      globalThis.answer = BudgetError.isInstance(${ERROR})`)
    const place = createContext({
      TextDecoder,
      TextEncoder,
      clearTimeout,
      crypto,
      performance,
      queueMicrotask,
      setTimeout,
    })
    runInContext(code, place)
    expect(runInContext('answer', place)).toBe(true)
  })

  test('leaves a bundle that uses one thing without the rest', async () => {
    const [one, all] = await Promise.all([
      bundle(`import { BudgetError } from 'mcp-budget'; globalThis.answer = BudgetError`),
      bundle(`import * as everything from 'mcp-budget'; globalThis.answer = everything`),
    ])
    expect(one.length).toBeLessThan(all.length / 4)
  })
})

describe('the packed command', () => {
  const run = (...args: string[]) => node('node_modules/mcp-budget/dist/cli.js', ...args)

  test('runs with nothing else installed, and says what to install', () => {
    expect(run('--version')).toMatch(/^\d+\.\d+\.\d+$/)
    expect(run('budget', 'grant', '--help')).toContain('Examples:')
    const store = '--store=postgres://127.0.0.1/x'
    expect(() => run('budget', 'show', 'team', store)).toThrow('Run `npm install pg`')
  })

  test('is one file with the licence of what is in it, and loads the entries by their names', () => {
    const text = readFileSync(join(consumer, 'node_modules/mcp-budget/dist/cli.js'), 'utf8')
    expect(text.startsWith('#!/usr/bin/env node\n')).toBe(true)
    expect(text).not.toContain('./chunk-')
    expect(text).not.toMatch(/^import .* from "(?:macaroon|pg|ioredis|redis|libsql)"/m)
    const licence = readFileSync(join(consumer, 'node_modules/mcp-budget/dist/cli.LICENSE.txt'), 'utf8')
    expect(licence).toContain('TJ Holowaychuk')
  })
})

describe('the types of the packed package', () => {
  const CODE = {
    'consumer.ts': `
      import { BudgetError } from 'mcp-budget'
      import * as testing from 'mcp-budget/testing'
      import { attenuate, type Caveats } from 'mcp-budget/delegation'
      import { RedisBudgetEnforcer, type RedisPort } from 'mcp-budget/redis'
      export const error: Error = ${'new BudgetError({ code: "invalid_config", message: "x" })'}
      export const store = (redis: RedisPort): RedisBudgetEnforcer => new RedisBudgetEnforcer({ redis })
      export const narrowed = (token: string, caveats: Caveats): string => attenuate(token, caveats)
      export const kits: object = testing`,
    'consumer.cts': `
      import budget = require('mcp-budget')
      import testing = require('mcp-budget/testing')
      import delegation = require('mcp-budget/delegation')
      import redis = require('mcp-budget/redis')
      const error: Error = new budget.BudgetError({ code: 'invalid_config', message: 'x' })
      const kits: object = testing
      const narrowed: string = delegation.attenuate('', { max: 5 })
      const port: redis.RedisPort = redis.nodeRedisPort({ sendCommand: async (args) => args })
      export = { error, kits, narrowed, port }`,
  }

  test.each(Object.entries(CODE))('compile in %s, without the types of Node and without skipLibCheck', (file, code) => {
    expect(diagnose(file, code)).toEqual([])
  })

  test('refuse what is wrong', () => {
    expect(diagnose('wrong.ts', `import { nothingOfThatName } from 'mcp-budget'; nothingOfThatName()`)).toEqual([
      expect.stringContaining('nothingOfThatName'),
    ])
  })

  /** What the compiler has to say of one file in the consumer's folder. */
  function diagnose(file: string, code: string): string[] {
    const path = join(consumer, file)
    writeFileSync(path, code)
    const program = ts.createProgram([path], {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      verbatimModuleSyntax: true,
      noEmit: true,
    })
    return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
      return `${file?.fileName.slice(consumer.length + 1) ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    })
  }
})

interface Bundler {
  build(options: object): Promise<{ outputFiles: readonly { text: string }[] }>
}

/** Bundles a module of the consumer's for a browser, with the bundler that builds this package. */
async function bundle(code: string): Promise<string> {
  const { build } = createRequire(realpathSync('node_modules/tsup/package.json'))('esbuild') as Bundler
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: consumer },
    bundle: true,
    minify: true,
    write: false,
    platform: 'browser',
    format: 'iife',
  })
  return outputFiles[0]!.text
}
