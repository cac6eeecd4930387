import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { openJournal } from '../../../src/leases/file-journal.js'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-journal-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each([
  ['under another name', (path: string) => [openJournal, relative('.', path)] as const],
  [
    'by another thread, which has the same number',
    async (path: string) => {
      vi.resetModules()
      const { openJournal: openAnother } = await import('../../../src/leases/file-journal.js')
      return [openAnother, path] as const
    },
  ],
])('a journal that is in use is not opened again %s', async (name, other) => {
  const path = join(folder, `${name.length}.journal`)
  const journal = await openJournal(path)
  const [open, again] = await other(path)
  await expect(open(again)).rejects.toMatchObject({ code: 'invalid_config' })
  await journal.close()
  await (await open(again)).close()
})
