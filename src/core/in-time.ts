import type { Clock } from './clock.js'

/**
 * An answer that comes in time, or what stands in its place: `failed` for one that was rejected, `late` for one that
 * did not come within `timeoutMs`.
 */
export function inTime<Answer>(
  answer: PromiseLike<Answer>,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
  failed: (error: unknown) => Answer,
  late: () => Answer,
): Promise<Answer> {
  return new Promise((resolve) => {
    // One more turn of the event loop: an answer that is there already, behind a stall of this process, is not late.
    let cancel = clock.after(timeoutMs, () => (cancel = clock.after(0, () => resolve(late()))))
    const answered = (value: Answer): void => {
      cancel()
      resolve(value)
    }
    Promise.resolve(answer).then(answered, (error: unknown) => answered(failed(error)))
  })
}
