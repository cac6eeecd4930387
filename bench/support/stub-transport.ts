type Receive = (message: any, extra?: unknown) => void

const RESULT = { content: [{ type: 'text', text: 'x' }] }
const SENT = Promise.resolve()

/** A transport that does nothing, so that a wrapper's own cost is all there is. It answers when it is told to. */
export class StubTransport {
  onmessage: Receive | undefined
  onclose: (() => void) | undefined

  start(): Promise<void> {
    return SENT
  }

  send(_message: unknown, _options?: unknown): Promise<void> {
    return SENT
  }

  close(): Promise<void> {
    return SENT
  }
}

/** Sends calls through `outer` and answers them at `inner`, as a client and a server do. */
export function caller(outer: StubTransport, inner: StubTransport): (calls: number) => Promise<void> {
  let id = 0
  let answered = 0
  outer.onmessage = () => void answered++
  return async (calls) => {
    for (let i = 0; i < calls; i++) {
      id++
      void outer.send({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: 'echo', arguments: { text: 'x' } },
      })
      inner.onmessage?.({ jsonrpc: '2.0', id, result: RESULT })
      // Microtasks run between calls, as they do between messages.
      if (i % 8 === 0) await SENT
    }
    if (answered !== id) throw new Error(`${answered} of ${id} calls were answered`)
  }
}
