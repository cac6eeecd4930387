import { isPromise, type MaybePromise } from '../core/maybe-promise.js'

/**
 * The results for a list, each made when the one before it is there. At once as long as the results are, else later.
 *
 * @param make gets the item, and the result before it
 */
export function inOrder<Item, Result>(
  items: readonly Item[],
  make: (item: Item, before: Result | undefined) => MaybePromise<Result>,
  made: Result[] = [],
): MaybePromise<readonly Result[]> {
  for (const item of items.slice(made.length)) {
    const result = make(item, made.at(-1))
    if (isPromise(result)) return Promise.resolve(result).then((known) => inOrder(items, make, [...made, known]))
    made.push(result)
  }
  return made
}
