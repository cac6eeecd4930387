import { BudgetError } from '../core/errors.js'
import { systemClock, type Clock } from '../core/clock.js'
import type { TransportLike } from '../mcp/wire.js'

/**
 * What goes wrong with one message.
 *
 * - `drop`: it is lost, and nobody says so
 * - `duplicate`: it arrives twice
 * - `close`: the connection closes in its place
 * - `reject-before`, `reject-after`: `send` rejects, before or after it was delivered; a received message is dropped,
 *   or delivered
 * - `delay`: it arrives so many milliseconds later
 * - `corrupt`: what arrives is what the function makes of it
 */
export type TransportFault =
  | 'drop'
  | 'duplicate'
  | 'close'
  | 'reject-before'
  | 'reject-after'
  | { readonly delay: number }
  | { readonly corrupt: (message: never) => unknown }

/** Which way a message goes, seen from the one who holds the transport. */
export type TransportDirection = 'send' | 'receive'

/** Which messages go wrong: by direction and number, the first being 1; or by a function of them. */
export type TransportFaults =
  | { readonly [D in TransportDirection]?: Readonly<Record<number, TransportFault>> }
  | ((direction: TransportDirection, nth: number, message: unknown) => TransportFault | undefined)

/**
 * A transport whose messages go wrong as planned. Everything else is the inner transport's.
 *
 * @param clock what `delay` waits on
 * @example
 * ```ts
 * const transport = faultyTransport(new StdioClientTransport({ command }), { send: { 2: 'reject-after' } })
 * await client.connect(wrapTransport(transport, ...steps))
 * ```
 */
export function faultyTransport<T extends TransportLike>(
  inner: T,
  faults: TransportFaults,
  clock: Clock = systemClock,
): T {
  const wire = new FaultyWire(inner, faults, clock)
  return new Proxy(inner, {
    get(target, key) {
      if (key === 'send') return wire.send
      if (key === 'onmessage') return wire.onmessage
      const value: unknown = Reflect.get(target, key, target)
      // Methods want their own `this`; listeners are handed back as they were given.
      const isMethod = typeof value === 'function' && key !== 'onclose' && key !== 'onerror'
      return isMethod ? (value.bind(target) as unknown) : value
    },
    set(target, key, value) {
      if (key !== 'onmessage') return Reflect.set(target, key, value, target)
      wire.onmessage = value as Listener | undefined
      return Reflect.set(target, key, value === undefined ? undefined : wire.receive, target)
    },
  })
}

type Listener = (message: unknown, extra?: unknown) => void

/** What is used of a transport, for messages of any kind. */
interface Wire {
  send(message: unknown, options?: unknown): Promise<void>
  close(): Promise<void>
  onerror?: ((error: Error) => void) | undefined
}

class FaultyWire {
  onmessage: Listener | undefined
  readonly #inner: Wire
  readonly #faults: TransportFaults
  readonly #clock: Clock
  readonly #counts = { send: 0, receive: 0 }

  constructor(inner: Wire, faults: TransportFaults, clock: Clock) {
    this.#inner = inner
    this.#faults = faults
    this.#clock = clock
  }

  readonly send = async (message: unknown, options?: unknown): Promise<void> => {
    const fault = this.#next('send', message)
    if (fault === 'reject-before') throw injected('the message was not sent')
    const deliver = (what: unknown): Promise<void> => this.#inner.send(what, options)
    await this.#suffer(fault, message, deliver)
    if (fault === 'reject-after') throw injected('the message was sent all the same')
    if (fault === 'close') throw injected('the connection closed')
  }

  readonly receive = (message: unknown, extra?: unknown): void => {
    const fault = this.#next('receive', message)
    if (fault === 'reject-before') return
    const suffered = this.#suffer(fault, message, (what) => {
      this.onmessage?.(what, extra)
      return undefined
    })
    suffered?.catch((error: Error) => this.#inner.onerror?.(error))
  }

  #next(direction: TransportDirection, message: unknown): TransportFault | undefined {
    const nth = ++this.#counts[direction]
    const faults = this.#faults
    return typeof faults === 'function' ? faults(direction, nth, message) : faults[direction]?.[nth]
  }

  #suffer(
    fault: TransportFault | undefined,
    message: unknown,
    deliver: (message: unknown) => Promise<void> | undefined,
  ): Promise<void> | undefined {
    switch (fault) {
      case undefined:
      case 'reject-before':
      case 'reject-after':
        return deliver(message)
      case 'drop':
        return undefined
      case 'duplicate':
        return Promise.all([deliver(message), deliver(message)]).then(() => undefined)
      case 'close':
        return this.#inner.close()
    }
    if ('corrupt' in fault) return deliver(fault.corrupt(message as never))
    this.#clock.after(fault.delay, () => {
      deliver(message)?.catch((error: Error) => this.#inner.onerror?.(error))
    })
    return undefined
  }
}

function injected(what: string): BudgetError {
  return new BudgetError({ code: 'injected_fault', message: `Injected fault: ${what}` })
}
