/** Writes the code of every block that names a source into its page: `node --import tsx test/docs/sync.ts`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { PAGES, sourceText, synced } from './blocks.js'

for (const page of PAGES) {
  const before = readFileSync(page, 'utf8')
  const after = synced(before, sourceText)
  if (after === before) continue
  writeFileSync(page, after)
  console.log(`wrote ${page}`)
}
