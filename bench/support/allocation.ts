import { Session } from 'node:inspector/promises'
import type { Figures } from './goal.js'

const CALLS = 4_000

/**
 * What a call allocates: bytes, by the growth of a heap that is not collected meanwhile; and objects, by V8's own
 * trace of allocations. Run it with a young generation that has room for all of it.
 */
export async function allocationOf(calls: (count: number) => Promise<void>): Promise<Figures> {
  // Long enough that the code is optimised, which removes some allocations.
  for (let i = 0; i < 40; i++) await calls(CALLS)
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  await calls(CALLS)
  const bytes = (process.memoryUsage().heapUsed - before) / CALLS
  return { bytes, objects: await objectsPerCall(calls) }
}

async function objectsPerCall(calls: (count: number) => Promise<void>): Promise<number> {
  const session = new Session()
  session.connect()
  const chunks: string[] = []
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ params }) => void chunks.push(params.chunk))
  await session.post('HeapProfiler.startTrackingHeapObjects', { trackAllocations: true })
  await calls(CALLS)
  await session.post('HeapProfiler.stopTrackingHeapObjects', { reportProgress: false })
  session.disconnect()
  const snapshot = JSON.parse(chunks.join('')) as { trace_tree: readonly unknown[] }
  return allocationsIn(snapshot.trace_tree) / CALLS
}

/** A node is five values: id, function, count, size, and a list of its children in the same form. */
function allocationsIn(nodes: readonly unknown[]): number {
  let count = 0
  for (let i = 0; i < nodes.length; i += 5) {
    count += nodes[i + 2] as number
    count += allocationsIn(nodes[i + 4] as readonly unknown[])
  }
  return count
}
