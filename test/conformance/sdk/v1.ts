import { type OAuthClientProvider, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ErrorCode,
  ListRootsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js'
import { Authorizer } from '../authorizer.js'
import { sampleAnswer } from '../sample.js'
import { CAPABILITIES, CLIENT_INFO, fateOfCode, type OpenSdk, SAMPLED } from './session.js'

/** The codes of errors that this SDK raises itself, for want of an answer. */
const LOCAL: readonly number[] = [ErrorCode.ConnectionClosed, ErrorCode.RequestTimeout]

export const openSdk: OpenSdk = (url, scenario, seat) => {
  const authorizer = new Authorizer<OAuthTokens>(scenario.context)
  const options = scenario.name.startsWith('auth/') ? { authProvider: authorizer satisfies OAuthClientProvider } : {}
  return {
    isUnauthorized: (error) => error instanceof UnauthorizedError,
    fateOf: (error) =>
      error instanceof McpError && !LOCAL.includes(error.code) ? fateOfCode(error.code) : 'unanswered',
    open() {
      const client = new Client(CLIENT_INFO, { capabilities: CAPABILITIES })
      client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
        action: 'accept',
        content: 'requestedSchema' in params ? sampleAnswer(params.requestedSchema) : {},
      }))
      client.setRequestHandler(CreateMessageRequestSchema, () => SAMPLED)
      client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [] }))
      const transport = new StreamableHTTPClientTransport(url, options)
      return {
        client,
        connect: () => client.connect(seat(transport)),
        authorize: () => transport.finishAuth(authorizer.callback.get('code') ?? ''),
      }
    },
  }
}
