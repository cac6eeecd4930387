import { mean, median, p10 } from './stats.js'
import type { Figures } from './goal.js'

/** Something to measure, beside others of the same run. */
export interface Side {
  readonly name: string
  /** Makes what the next block needs; not timed. */
  prepare?(calls: number): void
  /** Does the work `calls` times. */
  block(calls: number): void | Promise<void>
}

export interface Blocks {
  readonly calls: number
  readonly blocks: number
  /** Blocks before the first that counts. */
  readonly warmUp: number
}

/**
 * The nanoseconds per call of each side, block by block. Blocks are small and take turns, so that whatever else the
 * machine does falls on all sides alike; the order rotates, and turns round, so that none always follows the same other.
 */
export async function interleave<Name extends string>(
  sides: ReadonlyArray<Side & { readonly name: Name }>,
  { calls, blocks, warmUp }: Blocks,
): Promise<Record<Name, number[]>> {
  const times = Object.fromEntries(sides.map((side) => [side.name, []])) as unknown as Record<Name, number[]>
  for (let round = -warmUp; round < blocks; round++) {
    for (const side of inOrder(sides, round + warmUp)) {
      side.prepare?.(calls)
      const started = process.hrtime.bigint()
      const done = side.block(calls)
      if (done !== undefined) await done
      const taken = Number(process.hrtime.bigint() - started)
      if (round >= 0) times[side.name].push(taken / calls)
    }
  }
  return times
}

/** Two series against each other: of the p10, and the median of the ratios of blocks of one round. */
export interface Comparison {
  readonly p10: number
  readonly paired: number
  /** Of the means: whatever hit the run is in it, garbage collection too. */
  readonly mean: number
}

export function compare(base: readonly number[], other: readonly number[]): Comparison {
  return {
    p10: p10(other) / p10(base),
    paired: median(other.map((time, round) => time / (base[round] ?? NaN))),
    mean: mean(other) / mean(base),
  }
}

/** A comparison as figures: `full.p10`, `full.paired`, `full.mean`. */
export function comparisonFigures(name: string, comparison: Comparison): Figures {
  return Object.fromEntries(Object.entries(comparison).map(([key, value]) => [`${name}.${key}`, value as number]))
}

function inOrder<Item>(items: readonly Item[], round: number): readonly Item[] {
  const from = round % items.length
  const rotated = [...items.slice(from), ...items.slice(0, from)]
  return Math.floor(round / items.length) % 2 === 0 ? rotated : rotated.reverse()
}
