import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { sourceFiles } from './imports.js'

const OUTPUTS = ['console', 'stdout', 'stderr']

/** Where a source names what would print. Comments, and their examples, are not read. */
function outputsIn(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if ((ts.isIdentifier(node) || ts.isStringLiteral(node)) && OUTPUTS.includes(node.text))
      found.push(`${file}: ${node.text}`)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

describe('the sources', () => {
  test('print nothing: the output of a stdio server is the wire [L-S39]', () => {
    // The command is a program of its own, and what it prints is its answer.
    const files = sourceFiles('src').filter((file) => file !== 'cli/terminal.ts' && file !== 'cli/main.ts')
    expect(files.length).toBeGreaterThan(50)
    expect(files.flatMap((file) => outputsIn(file, readFileSync(join('src', file), 'utf8')))).toEqual([])
  })

  test.each([
    `console.log('x')`,
    `globalThis['console'].log('x')`,
    `process.stdout.write('x')`,
    `const { stderr } = process`,
  ])('are read for %s', (code) => {
    expect(outputsIn('a.ts', code)).toHaveLength(1)
  })

  test('may show in a comment how something is printed', () => {
    expect(outputsIn('a.ts', `/** @example console.log(1) */\nconst a = 1`)).toEqual([])
  })
})
