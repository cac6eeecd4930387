import type { LostOutcome } from '../core/outcome.js'
import type { PendingCall } from './pending.js'
import type { SendOptions } from './wire.js'

/**
 * Listens to what a sender's options tell of a call: on modern HTTP it is cancelled by aborting its request, and its
 * stream may end without an answer; on legacy HTTP each event has an id by which a broken stream is resumed.
 *
 * @param onEnd told when no answer will come
 * @returns the options to send with: copies, where something was added
 */
export function watchOptions(
  pending: PendingCall,
  options: SendOptions | undefined,
  onEnd: (pending: PendingCall, cause: LostOutcome['cause']) => void,
): SendOptions | undefined {
  if (options === undefined) return options
  const { requestSignal, onRequestStreamEnd, onresumptiontoken } = options
  if (requestSignal !== undefined) {
    const onAbort = (): void => onEnd(pending, 'cancelled')
    requestSignal.addEventListener('abort', onAbort, { once: true })
    pending.cleanUp = () => requestSignal.removeEventListener('abort', onAbort)
  }
  const streams = requestSignal !== undefined || onRequestStreamEnd !== undefined
  if (!streams && onresumptiontoken === undefined) return options
  return {
    ...options,
    ...(streams && {
      onRequestStreamEnd: () => {
        onEnd(pending, 'closed')
        onRequestStreamEnd?.()
      },
    }),
    ...(onresumptiontoken !== undefined && {
      onresumptiontoken: (token: string) => {
        pending.resumptionToken = token
        onresumptiontoken(token)
      },
    }),
  }
}
