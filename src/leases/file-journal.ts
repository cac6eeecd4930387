import { open, readFile, rename, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { BudgetError } from '../core/errors.js'
import { isCredits, type Credits } from '../core/credits.js'
import type { ChargeId } from '../core/ids.js'
import type { LeaseJournal } from './journal.js'

/** The files of this process: a number that is ours in a lock may be that of the process before. */
const OURS = new Set<string>()

/** A file is written anew when it has so many lines more than leases. */
const MOST_LINES = 10_000

/**
 * A journal in a file: a line for each claim, `["lease", up to]`, and `["lease"]` for one that is done with. A line that a
 * crash has cut off was not answered, so nothing was used by it.
 *
 * @throws BudgetError `invalid_config` where another process that lives uses the file
 */
export async function openJournal(path: string): Promise<LeaseJournal> {
  await lock(path)
  const claims = parse(await readFile(path, 'utf8').catch(orNothing))
  const before = new Map(claims)
  let handle = await rewrite(path, claims)
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
    await handle.write(`${JSON.stringify(line)}\n`)
    if (isDurable) await handle.datasync()
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
      OURS.delete(path)
      await rm(lockOf(path), { force: true })
    },
  }
}

/**
 * What stands in the journal of a process that has ended.
 *
 * @throws BudgetError `invalid_config` for one that a process uses, and for another file; the error of a file that cannot
 * be read
 */
export async function readClaims(path: string): Promise<ReadonlyMap<ChargeId, Credits>> {
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

async function rewrite(path: string, claims: ReadonlyMap<ChargeId, Credits>): Promise<FileHandle> {
  const lines = Array.from(claims, (claim) => `${JSON.stringify(claim)}\n`)
  const next = await open(`${path}.new`, 'w')
  await next.write(lines.join(''))
  await next.datasync()
  await next.close()
  await rename(`${path}.new`, path)
  return await open(path, 'a')
}

async function lock(path: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await writeFile(lockOf(path), String(process.pid), { flag: 'wx' })
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

async function ownerOf(path: string): Promise<number> {
  return Number(await readFile(lockOf(path), 'utf8').catch(orNothing))
}

function isTaken(path: string, owner: number): boolean {
  return owner === process.pid ? OURS.has(path) : lives(owner)
}

function taken(owner: number): BudgetError {
  const message = `Expected \`journal\` to be of one process at a time, got one that process ${owner} uses; give each its own`
  return new BudgetError({ code: 'invalid_config', message })
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

function orNothing(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
  throw error
}
