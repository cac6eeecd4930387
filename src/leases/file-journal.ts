import { open, readFile, rename, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { BudgetError } from '../core/errors.js'
import { isCredits, type Credits } from '../core/credits.js'
import type { ChargeId } from '../core/ids.js'
import type { LeaseJournal } from './journal.js'

/** The files of this process: a number that is ours in a lock may be that of the process before. */
const OURS = new Set<string>()

/** By how much the same beginning of a process may seem to differ. */
const SAME_START_S = 3

/** A file is written anew when it has so many lines more than leases. */
const MOST_LINES = 10_000

/**
 * A journal in a file: a line for each claim, `["lease", up to]`, and `["lease"]` for one that is done with. A line that a
 * crash has cut off was not answered, so nothing was used by it.
 *
 * @throws BudgetError `invalid_config` where another process that lives uses the file
 */
export async function openJournal(name: string): Promise<LeaseJournal> {
  const path = resolve(name)
  await lock(path)
  const found = await begin(path).catch(async (error: unknown) => {
    await unlock(path)
    throw error
  })
  const { claims } = found
  let { handle } = found
  const before = new Map(claims)
  let lines = claims.size
  let isOpen = true
  // One after the other: what was claimed later is never on the disk alone.
  let last: Promise<void> = Promise.resolve()

  async function write(line: readonly unknown[], isDurable: boolean): Promise<void> {
    if (++lines > MOST_LINES + claims.size) {
      await handle.close()
      handle = await rewrite(path, claims)
      lines = claims.size
      return
    }
    try {
      await handle.appendFile(`${JSON.stringify(line)}\n`)
      if (isDurable) await handle.datasync()
    } catch (error) {
      // Half a line would take the next one with it.
      lines = Infinity
      throw error
    }
  }

  return {
    before,
    claim(leaseId, upTo) {
      claims.set(leaseId, upTo)
      const written = last.then(() => write([leaseId, upTo], true))
      last = written.catch(() => {})
      return written
    },
    forget(leaseId) {
      if (!claims.delete(leaseId) || !isOpen) return
      last = last.then(() => write([leaseId], false)).catch(() => {})
    },
    async close() {
      if (!isOpen) return
      isOpen = false
      await last
      await handle.close()
      await unlock(path)
    },
  }
}

/**
 * What stands in the journal of a process that has ended.
 *
 * @throws BudgetError `invalid_config` for one that a process uses, and for another file; the error of a file that cannot
 * be read
 */
export async function readClaims(name: string): Promise<ReadonlyMap<ChargeId, Credits>> {
  const path = resolve(name)
  const owner = await ownerOf(path)
  if (isTaken(path, owner)) throw taken(owner)
  const text = await readFile(path, 'utf8')
  if (text === '' || /^\["/.test(text)) return parse(text)
  const message = `Expected the journal of a \`LeasedEnforcer\` at ${path}, got another file`
  throw new BudgetError({ code: 'invalid_config', message })
}

function parse(text: string): Map<ChargeId, Credits> {
  const claims = new Map<ChargeId, Credits>()
  for (const line of text.split('\n')) {
    let parts: unknown
    try {
      parts = JSON.parse(line)
    } catch {
      continue
    }
    const [leaseId, upTo] = Array.isArray(parts) ? (parts as unknown[]) : []
    if (typeof leaseId !== 'string') continue
    if (isCredits(upTo)) claims.set(leaseId, Math.max(upTo, claims.get(leaseId) ?? 0))
    else claims.delete(leaseId)
  }
  return claims
}

async function begin(path: string): Promise<{ claims: Map<ChargeId, Credits>; handle: FileHandle }> {
  const claims = parse(await readFile(path, 'utf8').catch(orNothing))
  return { claims, handle: await rewrite(path, claims) }
}

async function rewrite(path: string, claims: ReadonlyMap<ChargeId, Credits>): Promise<FileHandle> {
  const lines = Array.from(claims, (claim) => `${JSON.stringify(claim)}\n`)
  const next = await open(`${path}.new`, 'w')
  try {
    await next.writeFile(lines.join(''))
    await next.datasync()
  } finally {
    await next.close()
  }
  await rename(`${path}.new`, path)
  await syncFolder(path)
  return await open(path, 'a')
}

// Until then a crash of the machine may bring back the file before, without what was noted since. Where a folder cannot
// be opened or synced, as on Windows, the system has no more to offer.
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r').catch(() => undefined)
  await folder?.sync().catch(() => {})
  await folder?.close()
}

async function lock(path: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await writeFile(lockOf(path), `${process.pid} ${startedAt()}`, { flag: 'wx' })
      OURS.add(path)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const owner = await ownerOf(path)
    if (tries > 0 || isTaken(path, owner)) throw taken(owner)
    await rm(lockOf(path), { force: true })
  }
}

/** Who a lock is of: a process, and when that began. */
interface Owner {
  readonly pid: number
  readonly began: number
}

async function ownerOf(path: string): Promise<Owner> {
  const [pid = 0, began = 0] = (await readFile(lockOf(path), 'utf8').catch(orNothing)).split(' ').map(Number)
  return { pid, began }
}

function isTaken(path: string, { pid, began }: Owner): boolean {
  if (pid !== process.pid) return lives(pid)
  // Another thread of this process has its number too, and began when this one did.
  return OURS.has(path) || Math.abs(began - startedAt()) < SAME_START_S
}

function taken({ pid }: Owner): BudgetError {
  const message = `Expected \`journal\` to be of one process at a time, got one that process ${pid} uses; give each its own`
  return new BudgetError({ code: 'invalid_config', message })
}

/** When this process began, in seconds since 1970. */
function startedAt(): number {
  return Math.round(Date.now() / 1_000 - process.uptime())
}

function lives(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function lockOf(path: string): string {
  return `${path}.lock`
}

async function unlock(path: string): Promise<void> {
  OURS.delete(path)
  await rm(lockOf(path), { force: true })
}

function orNothing(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
  throw error
}
