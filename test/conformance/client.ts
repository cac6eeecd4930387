// The client under test of the conformance suite: client.ts v1|v2 [--wrap|--wrap-async] URL
import { appendFileSync } from 'node:fs'
import { sampleArguments } from './sample.js'
import { readScenario } from './scenario.js'
import { turn } from './turn.js'
import type { ConformanceClient, Fate, OpenSdk, Seat, Session, Tool } from './sdk/session.js'

const [generation, ...rest] = process.argv.slice(2)
const url = new URL(rest.at(-1) ?? '')
const scenario = readScenario(process.env)
const authorizations = { left: 2 }
const calls: Record<Fate, number> = { ran: 0, refused: 0, unanswered: 0 }

const journal = process.env['CONFORMANCE_JOURNAL']
if (journal !== undefined) await turn(journal)
const { openSdk } = (generation === 'v1' ? await import('./sdk/v1.js') : await import('./sdk/v2.js')) as {
  openSdk: OpenSdk
}
const metered = rest.length > 1 ? await (await import('./metered-seat.js')).openSeat(rest[0] ?? '') : undefined
const bare: Seat = (transport) => transport
const sdk = openSdk(url, scenario, metered?.seat ?? bare)
let session: Session

async function authorized<T>(action: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await action()
    } catch (error) {
      if (!sdk.isUnauthorized(error) || authorizations.left-- === 0) throw error
      await session.authorize()
    }
  }
}

async function connect(): Promise<ConformanceClient> {
  session = sdk.open()
  await session.connect()
  return session.client
}

async function call(client: ConformanceClient, name: string, args: Record<string, unknown>): Promise<void> {
  try {
    await authorized(async () => {
      try {
        await client.callTool({ name, arguments: args })
        calls.ran++
      } catch (error) {
        calls[sdk.fateOf(error)]++
        throw error
      }
    })
  } catch (error) {
    // A scenario may offer tools that a client has to reject; only authorization is worth giving up for.
    if (scenario.name.startsWith('auth/')) throw error
    console.error(name, String(error))
  }
}

/** One scenario looks at what became of the schema of its first tool on the way here. */
function echoed(tools: readonly Tool[]): Record<string, unknown> {
  return scenario.name === 'json-schema-2020-12-preservation' ? { schema: tools[0]?.inputSchema } : {}
}

async function play(): Promise<void> {
  const client = await authorized(connect)
  const capabilities = client.getServerCapabilities() ?? {}
  const tools = scenario.name === 'initialize' ? [] : (await authorized(() => client.listTools())).tools
  for (const tool of tools) {
    const told = scenario.context.toolCalls?.filter((wanted) => wanted.name === tool.name)
    const sample = { ...sampleArguments(tool.inputSchema), ...echoed(tools) }
    for (const wanted of told ?? [{ arguments: sample }]) await call(client, tool.name, wanted.arguments)
  }
  if (capabilities.resources !== undefined) {
    for (const { uri } of (await client.listResources()).resources) await client.readResource({ uri })
  }
  if (capabilities.prompts !== undefined) {
    for (const { name } of (await client.listPrompts()).prompts) await client.getPrompt({ name })
  }
  // The suite watches how the stream is taken up again, which happens after the answer.
  if (scenario.name === 'sse-retry') await new Promise((resolve) => setTimeout(resolve, 500))
  await client.close()
}

try {
  await play()
} finally {
  if (metered !== undefined && journal !== undefined) {
    appendFileSync(journal, `${JSON.stringify({ scenario: scenario.name, ...calls, ...(await metered.settled()) })}\n`)
  }
}
