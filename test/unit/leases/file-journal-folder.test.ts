import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'

const seen: string[] = []
const fails = { open: false, sync: false }
const actual = await vi.importActual<typeof import('node:fs/promises')>('node:fs/promises')

const faked = {
  ...actual,
  rename: async (from: string, to: string) => {
    await actual.rename(from, to)
    seen.push('renamed')
  },
  open: async (path: string, flags: string) => {
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
  },
}

/** Loaded anew, for files of this project share what is loaded. */
let openJournal: typeof import('../../../src/leases/file-journal.js').openJournal
beforeAll(async () => {
  vi.resetModules()
  vi.doMock('node:fs/promises', () => faked)
  ;({ openJournal } = await import('../../../src/leases/file-journal.js'))
})
afterAll(() => {
  vi.doUnmock('node:fs/promises')
  vi.resetModules()
})

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-budget-leases-'))
  seen.length = 0
  fails.open = fails.sync = false
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

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
