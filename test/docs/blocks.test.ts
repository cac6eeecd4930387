import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.js'
import { blocksOf, GUIDES, PAGES, regionOf, sourceText, synced, type Block } from './blocks.js'

const scripts = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }).scripts

describe.each(PAGES)('%s', (page) => {
  const markdown = readFileSync(page, 'utf8')
  const blocks = blocksOf(page, markdown)

  test('shows code as its source has it; `node --import tsx test/docs/sync.ts` writes it', () => {
    expect(blocks.filter(({ source }) => source !== undefined && !isRun(source)).map(({ at }) => at)).toEqual([])
    expect(markdown).toBe(synced(markdown, sourceText))
  })
})

describe.each(GUIDES)('%s', (page) => {
  const markdown = readFileSync(page, 'utf8')
  const blocks = blocksOf(page, markdown)

  test('shows no code but what is type-checked and run', () => {
    const loose = blocks.filter(({ language, source }) => !mayStandAlone(language) && source === undefined)
    expect(loose.map(({ at }) => at)).toEqual([])
  })

  test('names commands that are there', () => {
    // Those of `mcp-budget` are run, in test/integration/cli.
    const isOurs = ({ text }: Block): boolean => page === 'docs/guides/command-line.md' && !text.startsWith('npm ')
    const commands = blocks.filter((block) => block.language === 'sh' && !isOurs(block)).flatMap(commandsOf)
    expect(commands.filter((command) => !isCommand(command))).toEqual([])
  })

  test('has no other fences', () => {
    const fences = markdown.split('\n').filter((line) => /^\s*(?:```|~~~)/.test(line))
    expect(fences).toHaveLength(blocks.length * 2)
  })
})

/** Diagrams and commands; commands are checked too. */
function mayStandAlone(language: string): boolean {
  return language === 'text' || language === 'sh'
}

/** What the test runner runs: pages whose code needs a server have it in a test beside those of the store. */
const RUN = /^test\/(?:docs\/[\w-]+|integration\/\w+\/guide)\.test\.ts$/

/** Examples are run by `npm run examples`, and the code of other pages by the test runner. */
function isRun(source: string): boolean {
  const [file = ''] = source.split('#')
  if (!existsSync(file)) return false
  const story = /^examples\/([\w-]+)\//.exec(file)?.[1]
  return story === undefined ? RUN.test(file) : existsSync(`examples/${story}/main.ts`)
}

function commandsOf({ text }: Block): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line !== '')
    .flatMap((line) => line.split(' && '))
}

function isCommand(command: string): boolean {
  if (/^export [A-Z_]+=\S+$/.test(command)) return true
  const [, ours] = /^npx mcp-budget (.+)$/.exec(command) ?? []
  if (ours !== undefined) return COMMANDS.some(({ name }) => ours.startsWith(`${name} `))
  const [, script] = /^npm (?:run )?([\w:]+)(?: -- .*)?$/.exec(command) ?? []
  const [, file] = /^node --import tsx (\S+)$/.exec(command) ?? []
  if (file !== undefined) return existsSync(file)
  if (script !== undefined) return script === 'ci' || Object.hasOwn(scripts, script)
  return /^npm install (?:mcp-budget|@modelcontextprotocol\/(?:sdk|client|server)|zod|macaroon|ioredis|libsql|pg| )+$/.test(
    command,
  )
}

describe('the reader of blocks', () => {
  const code = [
    'a',
    '  // #region one',
    '  if (b) {',
    '',
    '    // #region two',
    '    c',
    '    // #endregion two',
    '  }',
  ]

  test('takes a region without its indentation and without the marks of others', () => {
    const text = [...code, '  // #endregion one', 'd'].join('\n')
    expect(regionOf(text, 'one', 'x')).toBe('if (b) {\n\n  c\n}\n')
    expect(regionOf(text, 'two', 'x')).toBe('c\n')
  })

  test('refuses a region that is not there, not closed, or there twice', () => {
    expect(() => regionOf(code.join('\n'), 'three', 'x')).toThrow('x')
    expect(() => regionOf(code.join('\n'), 'one', 'x')).toThrow('x')
    expect(() => regionOf([...code, ...code, '// #endregion one'].join('\n'), 'one', 'x')).toThrow('x')
  })

  test('writes a block that names a source, and no other', () => {
    const page = '```ts source="a.ts#b"\nold\n```\n```text\nold\n```\n'
    expect(synced(page, (source) => `${source}\n`)).toBe('```ts source="a.ts#b"\na.ts#b\n```\n```text\nold\n```\n')
  })

  test('leaves JSON of the same data as it is', () => {
    const page = '```json source="a.json"\n{ "a":\n1 }\n```\n'
    expect(synced(page, () => '{"a":1}\n')).toBe(page)
    expect(synced(page, () => '{"a":2}\n')).toBe('```json source="a.json"\n{"a":2}\n```\n')
  })

  test.each([
    ['npm ci', true],
    ['npm run nothing', false],
    ['npm install mcp-budget @modelcontextprotocol/sdk', true],
    ['npm install left-pad', false],
    ['node --import tsx examples/nothing/main.ts', false],
    ['npx mcp-budget budget show agent-1', true],
    ['npx mcp-budget budget burn agent-1', false],
    ['rm -r .', false],
  ])('judges the command %s', (command, is) => {
    expect(isCommand(command)).toBe(is)
  })
})
