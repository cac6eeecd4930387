/** What one process measured, by name: ratios, nanoseconds, bytes. */
export type Figures = Readonly<Record<string, number>>

/** Runs a variant of a goal in a process of its own, with the given flags of Node. */
export type RunVariant = (variant: string, ...flags: readonly string[]) => Promise<Figures>

/** One line of the answer. */
export interface Finding {
  readonly what: string
  readonly value: number
  /** `×` for a ratio, which is what goals are; `ns`, `B` or nothing for what stands beside them. */
  readonly unit: '×' | 'ns' | 'B' | ''
  /** Met when the value is not above it; `undefined` where the figure only informs. */
  readonly goal?: number
  /** The ratios of two equal sides in the same run: outside 0.99–1.01 the run is void. */
  readonly control?: readonly number[]
  /** Other figures of the same thing. */
  readonly note?: string
}

/** A goal: what is measured, each variant in a process of its own. */
export interface Goal {
  readonly id: string
  readonly title: string
  readonly variants: Readonly<Record<string, () => Figures | Promise<Figures>>>
  measure(run: RunVariant): AsyncIterable<Finding>
}

/** Whether the machine was quiet enough to tell one percent. */
export function isVoid(finding: Pick<Finding, 'control'>): boolean {
  return finding.control?.some((ratio) => !(ratio >= 0.99 && ratio <= 1.01)) ?? false
}

const ATTEMPTS = 4

/** Measures again while the control is off, four times at most: others use the machine too. */
export async function quietly(measure: () => Promise<Figures>, control: string): Promise<Figures> {
  let figures = await measure()
  for (let attempt = 1; attempt < ATTEMPTS && isVoid({ control: controlOf(figures, control) }); attempt++) {
    figures = await measure()
  }
  return figures
}

/** Both ratios of a control: of the p10, and of the pairs. */
export function controlOf(figures: Figures, name: string): readonly number[] {
  return [figure(figures, `${name}.p10`), figure(figures, `${name}.paired`)]
}

/** A ratio is judged by the worse of its two readings. */
export function ratioOf(figures: Figures, name: string): { readonly value: number; readonly note: string } {
  const [p10, paired, mean] = [`${name}.p10`, `${name}.paired`, `${name}.mean`].map((key) => figure(figures, key))
  const value = Math.max(p10 as number, paired as number)
  return {
    value,
    note: `p10 ${(p10 as number).toFixed(3)}  paired ${(paired as number).toFixed(3)}  mean ${(mean as number).toFixed(3)}`,
  }
}

/** `met`, `not met`, `void`, or nothing for a figure without a goal. */
export function verdict(finding: Finding): string {
  if (isVoid(finding)) return 'void'
  if (finding.goal === undefined) return ''
  return finding.value <= finding.goal ? 'met' : 'not met'
}

/** A figure by its name; a variant that did not measure it is a mistake. */
export function figure(figures: Figures, name: string): number {
  const value = figures[name]
  if (value === undefined) throw new Error(`no figure ${name} among ${Object.keys(figures).join(', ')}`)
  return value
}
