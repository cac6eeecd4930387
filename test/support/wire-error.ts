/** A JSON-RPC error as it was on the wire: v1 clients put its code before the message. */
export interface RpcError {
  readonly code: number
  readonly message: string
  readonly data: unknown
}

/** Fails the test when the call succeeds, or fails without an answer. */
export async function rpcError(call: Promise<unknown>): Promise<RpcError> {
  const error: unknown = await call.then(
    (result) => Promise.reject(new Error(`the call succeeded: ${JSON.stringify(result)}`)),
    (reason: unknown) => reason,
  )
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'number') throw error
  return {
    code: error.code,
    message: error.message.replace(`MCP error ${error.code}: `, ''),
    data: 'data' in error ? error.data : undefined,
  }
}
