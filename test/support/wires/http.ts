import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

export type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>

export interface HttpServer {
  readonly url: URL
  close(): Promise<void>
}

/** An HTTP server on a free port of this machine. What goes wrong in a handler is thrown by `close`. */
export async function listen(handle: Handle): Promise<HttpServer> {
  const faults: unknown[] = []
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      faults.push(error)
      response.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('an HTTP server has a port')
  return {
    url: new URL(`http://127.0.0.1:${address.port}`),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      if (faults.length > 0) throw new AggregateError(faults, 'a request handler failed')
    },
  }
}
