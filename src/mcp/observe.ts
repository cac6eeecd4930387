import type { JsonObject } from '../core/json.js'
import type { Seat } from './seat.js'
import type { Wire } from './wire.js'

/** Shows a message that is no governed call to the steps that listen. */
export function observe({ engine, server }: Seat, wire: Wire, message: JsonObject, direction: 'in' | 'out'): void {
  if (!engine.observes) return
  const from = (direction === 'out') === wire.isClient ? 'client' : 'server'
  engine.observe({ message, direction, from, link: wire.link, server })
}
