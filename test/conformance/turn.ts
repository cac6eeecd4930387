import { mkdirSync, rmdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

const AT_ONCE = 4
const POLL_MS = 20

/**
 * Waits until fewer than four clients of this run of the suite are at work, and holds a place until this process ends.
 * The suite starts all its clients at once. Forty on two processors were seen to fail once; four at a time are kinder.
 */
export async function turn(journal: string): Promise<void> {
  for (;;) {
    for (let place = 0; place < AT_ONCE; place++) if (take(join(dirname(journal), `turn-${place}`))) return
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function take(folder: string): boolean {
  try {
    mkdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  process.once('exit', () => rmdirSync(folder))
  return true
}
