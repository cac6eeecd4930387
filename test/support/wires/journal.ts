import { appendFileSync, readFileSync } from 'node:fs'

/** What a server notes of what it ran. */
export type Event = 'echo' | 'fail' | 'slow' | 'slow aborted' | 'usage' | 'throw'
export type Executions = Readonly<Record<Event, number>>

/** A file where the server is another process: written before the answer is, so whoever has the answer sees it. */
export interface Journal {
  note(event: Event): void
  executions(): Executions
}

export function memoryJournal(): Journal {
  const events: Event[] = []
  return { note: (event) => void events.push(event), executions: () => tally(events) }
}

export function fileJournal(file: string): Journal {
  return {
    note: (event) => appendFileSync(file, `${event}\n`),
    executions: () => tally(readFileSync(file, 'utf8').split('\n').slice(0, -1) as Event[]),
  }
}

function tally(events: readonly Event[]): Executions {
  const counts = { echo: 0, fail: 0, slow: 0, 'slow aborted': 0, usage: 0, throw: 0 }
  for (const event of events) {
    if (!(event in counts)) throw new Error(`unknown event ${JSON.stringify(event)}`)
    counts[event]++
  }
  return counts
}
