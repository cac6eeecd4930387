/** Ids of the shape that the library mints, all different, as text that is in one piece. */
export class ChargeIds {
  #count = 0
  #ids: string[] = []

  /** Makes `count` of them; not to be timed. */
  prepare(count: number): void {
    this.#ids = Array.from({ length: count }, () =>
      inOnePiece(`mh8k2f5a-0x3k9d2m1f7q5b8c4z6w0y2t4r8p-${(this.#count++).toString(36)}`),
    )
  }

  take(i: number): string {
    return this.#ids[i] as string
  }
}

/** As it would come out of a parser: V8 makes a concatenation as a pair, and joins it when it is first looked at. */
function inOnePiece(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string
}
