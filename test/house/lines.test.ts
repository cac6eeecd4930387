import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sourceFiles } from './imports.js'

// From Node 24 on, `readline` ends a line at U+2028 too, which JSON leaves as it is in a name.
test('no source reads records by the lines of readline', () => {
  // What a person types is no record, and the script of Redis has a function of that name.
  const files = sourceFiles('src').filter((file) => file !== 'cli/terminal.ts')
  const reading = files.filter((file) =>
    /readline['/]|(?<!M)\.readLines\(/.test(readFileSync(join('src', file), 'utf8')),
  )
  expect(reading).toEqual([])
})
