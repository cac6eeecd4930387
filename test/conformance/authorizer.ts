interface ClientInformation {
  client_id: string
  client_secret?: string
}

interface Issuer {
  readonly issuer?: string
}

/** What both SDK generations ask of an OAuth client, with a browser that says yes to everything. */
export class Authorizer<Tokens extends object> {
  readonly redirectUrl = 'http://localhost:9/callback'
  readonly clientMetadataUrl = 'https://conformance-test.local/client-metadata.json'
  readonly clientMetadata = {
    client_name: 'mcp-budget conformance client',
    redirect_uris: [this.redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: 'native' as const,
  }

  #registered = new Map<string | undefined, ClientInformation>()
  #preregistered: ClientInformation | undefined
  #tokens: Tokens | undefined
  #verifier = ''
  #callback = new URLSearchParams()

  constructor(context: { readonly client_id?: string; readonly client_secret?: string }) {
    const { client_id, client_secret } = context
    if (client_id === undefined) return
    this.#preregistered = client_secret === undefined ? { client_id } : { client_id, client_secret }
  }

  /** The parameters that the authorization server gave to the redirect URL. */
  get callback(): URLSearchParams {
    return this.#callback
  }

  clientInformation(context?: Issuer): ClientInformation | undefined {
    return this.#preregistered ?? this.#registered.get(context?.issuer)
  }

  saveClientInformation(information: ClientInformation, context?: Issuer): void {
    this.#registered.set(context?.issuer, information)
  }

  tokens(): Tokens | undefined {
    return this.#tokens
  }

  saveTokens(tokens: Tokens): void {
    this.#tokens = tokens
  }

  codeVerifier(): string {
    return this.#verifier
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier
  }

  invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): void {
    if (scope === 'all' || scope === 'client') this.#registered.clear()
    if (scope === 'all' || scope === 'tokens') this.#tokens = undefined
  }

  async redirectToAuthorization(url: URL): Promise<void> {
    const response = await fetch(url, { redirect: 'manual' })
    const location = response.headers.get('location')
    if (location === null) throw new Error(`the authorization server did not redirect: ${response.status}`)
    this.#callback = new URL(location).searchParams
  }
}
