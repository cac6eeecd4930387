// The server under test of the conformance suite: server.ts v1|v2 [SEAT STORE]. Prints its URL, then, when its input ends,
// what it ran and what that cost.
import { text as readAll } from 'node:stream/consumers'
import { listen } from '../support/wires/http.js'
import { CallLog } from './call-log.js'
import { BARE } from './server-seat.js'
import type { Store } from './metering.js'
import type { ServeMcp } from './sdk/server.js'

const [generation, seat, store] = process.argv.slice(2)
const { serveMcp } = (
  generation === 'v1' ? await import('./sdk/server-v1.js') : await import('./sdk/server-v2.js')
) as {
  serveMcp: ServeMcp
}
const log = new CallLog()
const metered =
  seat === undefined ? undefined : await (await import('./metered-server.js')).meteredServer(seat, store as Store)
const handle = serveMcp(log, metered?.seat ?? BARE)

const http = await listen(async (request, response) => {
  const raw = await readAll(request)
  await handle(request, response, parsed(raw))
})
console.log(new URL('/mcp', http.url).href.replace('127.0.0.1', 'localhost'))

await readAll(process.stdin)
await http.close()
console.log(JSON.stringify({ ...log.counts(), ...(await metered?.settled()) }))
process.exit()

function parsed(raw: string): unknown {
  try {
    return JSON.parse(raw)
  } catch {
    return undefined
  }
}
