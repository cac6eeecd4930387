/** The value below which a tenth of the others lie: what a thing costs when nothing else was in the way. */
export function p10(values: readonly number[]): number {
  return quantile(values, 0.1)
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.floor((sorted.length - 1) * part)]
  if (value === undefined) throw new Error('nothing was measured')
  return value
}
