/** One operation of a recorded history, with when it was asked and when it was answered. */
export interface Operation<Input, Output> {
  readonly input: Input
  readonly output: Output
  readonly from: number
  readonly till: number
}

/** What an object does when one operation follows the other. */
export interface SequentialModel<State, Input, Output> {
  readonly initial: State
  /** The state afterwards, or `undefined` where it would not have answered so. */
  step(state: State, input: Input, output: Output): State | undefined
  /** Equal for equal states. */
  key(state: State): string
}

/**
 * Whether operations that overlapped can be put in an order that a sequential object would have answered so: each has
 * its effect at one moment between its request and its answer (Wing and Gong 1993, with the memory of Lowe 2017).
 */
export function isLinearizable<State, Input, Output>(
  history: ReadonlyArray<Operation<Input, Output>>,
  model: SequentialModel<State, Input, Output>,
): boolean {
  const pending = [...history].sort((a, b) => a.from - b.from)
  const done = new Uint8Array(pending.length)
  const seen = new Set<string>()
  const path: { readonly at: number; readonly before: State }[] = []
  let state = model.initial
  let next = 0
  while (path.length < pending.length) {
    const at = candidate(pending, done, next)
    if (at === undefined) {
      // Nothing fits here: the last one was put too early.
      const last = path.pop()
      if (last === undefined) return false
      done[last.at] = 0
      state = last.before
      next = last.at + 1
      continue
    }
    const { input, output } = pending[at] as Operation<Input, Output>
    const after = model.step(state, input, output)
    done[at] = 1
    if (after !== undefined && isNew(seen, done, model.key(after))) {
      path.push({ at, before: state })
      state = after
      next = 0
    } else {
      done[at] = 0
      next = at + 1
    }
  }
  return true
}

/** The next that is left, from `start` on, and may come first: no other that is left was answered before it was asked. */
function candidate(
  pending: ReadonlyArray<Operation<unknown, unknown>>,
  done: Uint8Array,
  start: number,
): number | undefined {
  let firstAnswer = Infinity
  for (let at = 0; at < pending.length; at++) {
    const { from, till } = pending[at] as Operation<unknown, unknown>
    if (from > firstAnswer) return undefined
    if (done[at] === 1) continue
    if (at >= start) return at
    firstAnswer = Math.min(firstAnswer, till)
  }
  return undefined
}

function isNew(seen: Set<string>, done: Uint8Array, key: string): boolean {
  const first = done.indexOf(0)
  const last = done.lastIndexOf(1)
  // All before `first` are done and none after `last` is.
  const text = `${first} ${first < last ? done.subarray(first, last + 1).join('') : ''} ${key}`
  if (seen.has(text)) return false
  seen.add(text)
  return true
}
