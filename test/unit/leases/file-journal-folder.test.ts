import fs from 'node:fs/promises'
import { mkdtempSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openJournal } from '../../../src/leases/file-journal.js'

const actual = { open: fs.open, rename: fs.rename }
const seen: string[] = []
const fails = { open: false, sync: false }

async function rename(from: string, to: string): Promise<void> {
  await actual.rename(from, to)
  seen.push('renamed')
}

async function open(path: string, flags: string): Promise<fs.FileHandle> {
  if (flags !== 'r') return await actual.open(path, flags)
  if (fails.open) throw new Error('EPERM')
  const handle = await actual.open(path, flags)
  const sync = handle.sync.bind(handle)
  handle.sync = async () => {
    if (fails.sync) throw new Error('EINVAL')
    await sync()
    seen.push(`synced ${path}`)
  }
  return handle
}

// Not by `vi.mock`: files that share a process share its modules, and some have loaded the journal before.
function use(functions: Pick<typeof fs, 'open' | 'rename'>): void {
  Object.assign(fs, functions)
  syncBuiltinESMExports()
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-budget-leases-'))
  seen.length = 0
  fails.open = fails.sync = false
  use({ open: open as typeof fs.open, rename: rename as typeof fs.rename })
})
afterEach(() => {
  use(actual)
  rmSync(folder, { recursive: true, force: true })
})

test('the folder of a journal is synced when its file has got its name', async () => {
  const journal = await openJournal(join(folder, 'leases.journal'))
  expect(seen).toEqual(['renamed', `synced ${folder}`])
  await journal.close()
})

test.each(['open', 'sync'] as const)('a folder that the system does not %s stops no journal', async (what) => {
  fails[what] = true
  const journal = await openJournal(join(folder, 'leases.journal'))
  await journal.claim('a', 5)
  await journal.close()
  const next = await openJournal(join(folder, 'leases.journal'))
  expect([...next.before]).toEqual([['a', 5]])
  expect(seen).toEqual(['renamed', 'renamed'])
  await next.close()
})
