import { wrapTransport } from 'mcp-budget'
import { openMetering, type Settled } from './metering.js'
import type { Seat } from './sdk/session.js'

export async function openSeat(mode: string): Promise<{ seat: Seat; settled(): Promise<Settled> }> {
  if (mode !== '--wrap' && mode !== '--wrap-async') throw new Error(`unknown option ${mode}`)
  const { steps, settled } = await openMetering(mode === '--wrap' ? 'sync' : 'async')
  return { seat: (transport) => wrapTransport(transport, ...steps), settled }
}
