import { wiresV1 } from './wires/v1.js'
import { wiresV2 } from './wires/v2.js'
import type { Wire } from './wires/wire.js'

export type { OpenWire, Wire, WireClient, WireTransport } from './wires/wire.js'
export type { ToolResult } from './wires/tools.js'

/** Every SDK generation and revision over every transport it has, with a real client and a real server. */
export const wires: readonly Wire[] = [...wiresV1, ...wiresV2]
