import { median } from './stats.js'

/** What many callers measured: operations in a second, and the median time that one waits, in ms. */
export interface Throughput {
  readonly perSecond: number
  readonly p50: number
}

/** Lets so many callers ask one after the other, until all operations are done. */
export async function withCallers(
  callers: number,
  operations: number,
  ask: (n: number) => Promise<unknown>,
): Promise<Throughput> {
  const waits: number[] = []
  let next = 0
  const begun = performance.now()
  const caller = async (): Promise<void> => {
    while (next < operations) {
      const from = performance.now()
      await ask(next++)
      waits.push(performance.now() - from)
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return { perSecond: (operations / (performance.now() - begun)) * 1_000, p50: median(waits) }
}

/** The median of several rounds, in which the sides take turns. */
export async function inTurns<Name extends string>(
  rounds: number,
  sides: Readonly<Record<Name, () => Promise<Throughput>>>,
): Promise<Record<`${Name}.perSecond` | `${Name}.p50`, number>> {
  const names = Object.keys(sides) as Name[]
  const seen: Array<readonly [Name, Throughput]> = []
  for (let round = 0; round < rounds; round++) for (const name of names) seen.push([name, await sides[name]()])
  const figures = names.flatMap((name) => {
    const own = seen.filter(([each]) => each === name).map(([, throughput]) => throughput)
    return [
      [`${name}.perSecond`, median(own.map(({ perSecond }) => perSecond))],
      [`${name}.p50`, median(own.map(({ p50 }) => p50))],
    ] as const
  })
  return Object.fromEntries(figures) as Record<`${Name}.perSecond` | `${Name}.p50`, number>
}
