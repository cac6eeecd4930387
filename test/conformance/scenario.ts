/** What the conformance suite tells a client under test, in its environment. */
export interface Scenario {
  readonly name: string
  readonly revision: string
  readonly context: {
    readonly client_id?: string
    readonly client_secret?: string
    readonly toolCalls?: ReadonlyArray<{ readonly name: string; readonly arguments: Record<string, unknown> }>
  }
}

export function readScenario(env: NodeJS.ProcessEnv): Scenario {
  const { MCP_CONFORMANCE_SCENARIO: name, MCP_CONFORMANCE_PROTOCOL_VERSION: revision } = env
  if (name === undefined || revision === undefined)
    throw new Error('this is run by the conformance suite, see client-leg.ts')
  return { name, revision, context: JSON.parse(env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as Scenario['context'] }
}
