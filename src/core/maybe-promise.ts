/** A value now, or a promise of it. Callers test with {@link isPromise} before they await, so that a synchronous answer stays synchronous. */
export type MaybePromise<T> = T | PromiseLike<T>

/** Whether an answer comes later. Any thenable counts, because a store's client may bring its own promise class. */
export function isPromise<T>(value: MaybePromise<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | null | undefined)?.then === 'function'
}

/** Goes on with an answer when it is there: at once for a value, later for a promise. */
export function andThen<T, Next>(value: MaybePromise<T>, next: (value: T) => MaybePromise<Next>): MaybePromise<Next> {
  // Made a real promise first: a thenable may answer twice, or its `then` give nothing.
  return isPromise(value) ? Promise.resolve(value).then(next) : next(value)
}
