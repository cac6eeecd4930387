import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// Without a flag on the command line of the runner.
setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** The bytes in use on the heap, without what nobody can reach any more. */
export function heapUsed(): number {
  gc()
  return process.memoryUsage().heapUsed
}
