/** One text of a stream, and its number. */
export interface NumberedText {
  readonly seq: number
  readonly text: string
}

/** Sends one command. */
export type Send = (command: readonly string[]) => Promise<unknown>

/** How many are read in one go; a place may bring as many more as one command writes. */
const SOME = 1_000

/**
 * The texts of a stream after a number, in order, some at a time. Numbers have no gaps, but where the oldest were cut
 * off: then the first that is there comes first. How the stream is written: see lua/places.lua.
 */
export async function* textsAfter(send: Send, key: string, after: number): AsyncGenerator<readonly NumberedText[]> {
  // The place of the first may begin before it.
  let places = await send(['XREVRANGE', key, `${after + 1}-0`, '-', 'COUNT', '1'])
  for (let next = after + 1; ;) {
    const found = textsOf(places).filter(({ seq }) => seq >= next)
    if (found.length > 0) yield found
    next = (found.at(-1)?.seq ?? next - 1) + 1
    places = await send(['XRANGE', key, `${next}-0`, `${next + SOME - 1}-0`])
    if (isEmpty(places)) places = await send(['XRANGE', key, `${next}-0`, '+', 'COUNT', '1'])
    if (isEmpty(places)) return
  }
}

/** All texts that a stream has now; what is written meanwhile would keep a reader for ever. */
export async function textsNow(send: Send, key: string): Promise<readonly NumberedText[]> {
  const last = textsOf(await send(['XREVRANGE', key, '+', '-', 'COUNT', '1'])).at(-1)?.seq ?? 0
  const found: NumberedText[] = []
  for await (const some of textsAfter(send, key, 0)) {
    found.push(...some)
    if ((some.at(-1)?.seq ?? last) >= last) break
  }
  return found
}

/** The texts of a stream after a number, at most `limit`. */
export async function someTextsAfter(
  send: Send,
  key: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly NumberedText[]> {
  const found: NumberedText[] = []
  for await (const some of textsAfter(send, key, after)) {
    found.push(...some)
    if (found.length >= limit) break
  }
  return found.slice(0, limit)
}

/** Places as XRANGE answers: `[id, [number, text, number, text, …]]`. */
function textsOf(places: unknown): readonly NumberedText[] {
  return (places as ReadonlyArray<readonly [string, readonly string[]]>).flatMap(([, fields]) =>
    Array.from({ length: fields.length / 2 }, (_, n) => ({
      seq: Number(fields[2 * n]),
      text: fields[2 * n + 1] as string,
    })),
  )
}

function isEmpty(places: unknown): boolean {
  return (places as readonly unknown[]).length === 0
}
