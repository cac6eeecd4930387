import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { sourceFiles } from './imports.js'

interface Title {
  readonly at: string
  /** `test`, `test.each`, `it.skipIf` … */
  readonly call: string
  /** Undefined where it is computed. */
  readonly text: string | undefined
}

/** The calls that make tests and groups of tests in one file. */
function titlesOf(file: string, text: string): Title[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const found: Title[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const call = calleeName(node.expression)
      const title = node.arguments[0]
      if (/^(?:test|it|describe)\b/.test(call)) {
        const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
        const written = title !== undefined && ts.isStringLiteralLike(title) ? title.text : undefined
        found.push({ at: `${file}:${line}`, call, text: written })
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** `test.each` of `test.each(rows)('title', …)` and of `` test.each`table` ``; empty for any other expression. */
function calleeName(node: ts.Expression): string {
  if (ts.isIdentifier(node)) return node.text
  if (ts.isCallExpression(node)) return calleeName(node.expression)
  if (ts.isTaggedTemplateExpression(node)) return calleeName(node.tag)
  if (!ts.isPropertyAccessExpression(node)) return ''
  const owner = calleeName(node.expression)
  return owner === '' ? '' : `${owner}.${node.name.text}`
}

const isSkipped = ({ call }: Title): boolean => /\.(?:skip|skipIf|runIf|only|todo)\b/.test(call)
const isNoFact = ({ text }: Title): boolean => text !== undefined && (text === '' || /^should\b|\.$/i.test(text))

describe('the tests', () => {
  const titles = sourceFiles('test').flatMap((file) => titlesOf(file, readFileSync(join('test', file), 'utf8')))

  test('have titles that state facts', () => {
    expect(titles.filter(isNoFact)).toEqual([])
  })

  test('are neither skipped, nor run alone, nor still to be written', () => {
    expect(titles.filter(isSkipped)).toEqual([])
  })

  test('are found', () => {
    expect(titles.length).toBeGreaterThan(10)
  })
})

describe('the reader of titles', () => {
  test.each([
    [`test('should work', () => {})`, isNoFact],
    [`test.each([1])('should work with %s', () => {})`, isNoFact],
    [`it('Works.', () => {})`, isNoFact],
    [`test.skip('works', () => {})`, isSkipped],
    [`describe.only('a thing', () => {})`, isSkipped],
    [`test.skipIf(windows)('works', () => {})`, isSkipped],
    [`test.todo('works')`, isSkipped],
  ])('sees what is wrong with %s', (code, isWrong) => {
    expect(titlesOf('a.test.ts', code).some(isWrong)).toBe(true)
  })

  test('sees nothing wrong with a fact', () => {
    const titles = titlesOf('a.test.ts', `test('refuses the call when the price is not an integer', () => {})`)
    expect(titles).toHaveLength(1)
    expect(titles.some((title) => isNoFact(title) || isSkipped(title))).toBe(false)
  })
})
