import { diagnostics as web } from './web.js'
import type { DiagnosticsPort, NewsChannel } from '../diagnostics.js'

// Kept for as long as the process runs: Node drops a channel that nobody keeps, and would make another one.
const channels = new Map<string, NewsChannel>()

/**
 * The port on `node:diagnostics_channel`. The module is loaded with the first event. A Node before 20.16 or 22.3 cannot
 * load it in the middle of a call, and tells nobody.
 */
export const diagnostics: DiagnosticsPort = {
  channel(event) {
    let channel = channels.get(event)
    if (channel === undefined) {
      channel = builtin()?.channel(`mcp-budget:${event}`) ?? web.channel(event)
      channels.set(event, channel)
    }
    return channel
  },
}

function builtin() {
  const { getBuiltinModule } = process as Partial<Pick<typeof process, 'getBuiltinModule'>>
  return getBuiltinModule?.('node:diagnostics_channel')
}
