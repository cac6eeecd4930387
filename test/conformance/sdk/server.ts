import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CallLog } from '../call-log.js'
import type { ServerSeat } from '../server-seat.js'

/** Answers the requests of `/mcp`, of all sessions. `body` is what was read of it, as JSON. */
export type HandleMcp = (request: IncomingMessage, response: ServerResponse, body: unknown) => Promise<void>

/** A server of one SDK generation that can do all that the scenarios ask for, behind a seat. */
export type ServeMcp = (log: CallLog, seat: ServerSeat) => HandleMcp
