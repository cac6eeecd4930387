import type { HoldingEnforcer } from '../../src/budget/enforcer.js'

/** The same enforcer behind a network: every verb answers a promise, and both ways take a turn of the event loop. */
export function asyncEnforcer(enforcer: HoldingEnforcer): HoldingEnforcer {
  return new Proxy(enforcer, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target)
      if (typeof member !== 'function') return member
      return async (...args: unknown[]): Promise<unknown> => {
        await turn()
        const answer: unknown = await Reflect.apply(member, target, args)
        await turn()
        return answer
      }
    },
  })
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
