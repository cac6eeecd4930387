import { misconfigured } from '../../core/settings.js'
import type { Place } from './book-snapshot.js'

/** Where a page ended, and how many records were folded when the first was read. */
export interface LedgerCursor {
  readonly place: Place
  readonly folded: number
}

/** A cursor as text. */
export function cursorText({ place, folded }: LedgerCursor): string {
  return encodeURIComponent(JSON.stringify([...place, folded]))
}

/** @throws BudgetError `invalid_config` for what is no cursor */
export function cursorOf(text: unknown): LedgerCursor {
  const wrong = (): never => {
    throw misconfigured('cursor', '`next` of a page', typeof text === 'string' ? 'another text' : text)
  }
  try {
    const [at, kind, partition, seq, folded] = JSON.parse(decodeURIComponent(String(text))) as unknown[]
    const isWhole = [at, kind, seq, folded].every(Number.isSafeInteger) && typeof partition === 'string'
    return isWhole ? { place: [at, kind, partition, seq] as unknown as Place, folded: folded as number } : wrong()
  } catch {
    return wrong()
  }
}
