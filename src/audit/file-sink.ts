import { open, type FileHandle } from 'node:fs/promises'
import { chainKey } from './chain.js'
import { isCheckpoint, type Checkpoint, type CheckpointSink } from './checkpoint.js'
import type { ChainName } from '../ledger/seal.js'

/**
 * Checkpoints in a file of JSON lines, which is only ever added to, and is on the disk when a checkpoint counts as
 * taken. Put it where who writes the store cannot write: another machine's disk, an append-only mount.
 *
 * @example fileSink('/mnt/audit/checkpoints.jsonl')
 */
export function fileSink(path: string): CheckpointSink {
  let lasts: Map<string, Checkpoint> | undefined
  return {
    async write(checkpoint) {
      const file = await open(path, 'a+', 0o600)
      try {
        const { size } = await file.stat()
        const { buffer } = size === 0 ? { buffer: Buffer.from('\n') } : await file.read(Buffer.alloc(1), 0, 1, size - 1)
        // What a killed process has left of a line stays a line of its own.
        const begin = buffer.toString() === '\n' ? '' : '\n'
        await file.appendFile(`${begin}${JSON.stringify(checkpoint)}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
      lasts?.set(chainKey(checkpoint), checkpoint)
    },
    async last(of: ChainName) {
      lasts ??= await lastOfEach(path)
      return lasts.get(chainKey(of))
    },
  }
}

/**
 * The checkpoints of a file, in their order: what `verifyLedger` takes. A line that is no JSON comes as its text. A file
 * that is not there has none.
 */
export async function* readCheckpoints(path: string): AsyncGenerator<unknown, void, undefined> {
  const file = await open(path).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error
  })
  if (file === undefined) return
  // Closes the file, also when nobody reads on.
  for await (const line of linesOf(file)) if (line !== '') yield parsed(line)
}

// Not `readLines`: from Node 24 on a line ends for it at U+2028 too, which the id of a store may have.
async function* linesOf(file: FileHandle): AsyncGenerator<string> {
  let rest = ''
  for await (const text of file.createReadStream({ encoding: 'utf8' }) as AsyncIterable<string>) {
    const lines = (rest + text).split(/\r?\n/)
    rest = lines.pop() ?? ''
    yield* lines
  }
  yield rest
}

async function lastOfEach(path: string): Promise<Map<string, Checkpoint>> {
  const lasts = new Map<string, Checkpoint>()
  for await (const value of readCheckpoints(path)) if (isCheckpoint(value)) lasts.set(chainKey(value), value)
  return lasts
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return line
  }
}
