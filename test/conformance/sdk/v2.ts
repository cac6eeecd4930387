import {
  Client,
  type ClientOptions,
  type OAuthClientProvider,
  ProtocolError,
  SdkError,
  SdkErrorCode,
  type StoredOAuthTokens,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client'
import { Authorizer } from '../authorizer.js'
import { sampleAnswer } from '../sample.js'
import { CAPABILITIES, CLIENT_INFO, fateOfCode, type OpenSdk, SAMPLED } from './session.js'

const MODERN = '2026-07-28'

export const openSdk: OpenSdk = (url, scenario, seat) => {
  const authorizer = new Authorizer<StoredOAuthTokens>(scenario.context)
  const options = scenario.name.startsWith('auth/') ? { authProvider: authorizer satisfies OAuthClientProvider } : {}
  const negotiation: ClientOptions =
    scenario.revision === MODERN ? { versionNegotiation: { mode: { pin: MODERN } } } : {}
  return {
    isUnauthorized: (error) => error instanceof UnauthorizedError,
    fateOf(error) {
      if (error instanceof ProtocolError) return fateOfCode(error.code)
      // A result came, and the SDK would not have it.
      return error instanceof SdkError && error.code === SdkErrorCode.InvalidResult ? 'ran' : 'unanswered'
    },
    open() {
      const client = new Client(CLIENT_INFO, { capabilities: CAPABILITIES, ...negotiation })
      client.setRequestHandler('elicitation/create', ({ params }) => ({
        action: 'accept',
        content: 'requestedSchema' in params ? sampleAnswer(params.requestedSchema) : {},
      }))
      client.setRequestHandler('sampling/createMessage', () => SAMPLED)
      client.setRequestHandler('roots/list', () => ({ roots: [] }))
      const transport = new StreamableHTTPClientTransport(url, options)
      return {
        client,
        connect: () => client.connect(seat(transport)),
        authorize: () => transport.finishAuth(authorizer.callback),
      }
    },
  }
}
