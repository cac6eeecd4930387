import { objectAt } from './wire.js'
import type { JsonObject } from '../core/json.js'

/** `legacy`: revisions up to 2025-11-25, which begin with `initialize`; `modern`: 2026-07-28, without sessions. */
export type Era = 'legacy' | 'modern'

/** Modern requests name their revision in every message. */
const PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion'

/** The era of one message, judged by the message alone: one connection may carry both. */
export function eraOf(message: JsonObject): Era {
  return objectAt(objectAt(message, 'params'), '_meta')[PROTOCOL_VERSION] === undefined ? 'legacy' : 'modern'
}
