import { setTimeout } from 'node:timers/promises'
import type { Journal } from './journal.js'

export const SERVER_INFO = { name: 'mcp-budget-wires', version: '0.0.0' }

export interface ToolResult {
  readonly content: ReadonlyArray<{ readonly type: string; readonly text?: string }>
  readonly isError?: boolean
  readonly _meta?: Readonly<Record<string, unknown>>
}

/** Both generations put `code`, `message` and `data` of whatever a `tools/call` handler throws into the answer. */
export class WireError extends Error {
  override readonly name = 'WireError'

  constructor(
    readonly code: number,
    message: string,
    readonly data: unknown,
  ) {
    super(message)
  }
}

type Args = Readonly<Record<string, unknown>>
type Body = (args: Args, journal: Journal, signal: AbortSignal) => ToolResult | Promise<ToolResult>

const BODIES: Readonly<Record<string, Body>> = {
  echo(args, journal) {
    journal.note('echo')
    return text(String(args['text']))
  },
  fail(_args, journal) {
    journal.note('fail')
    return { ...text('it did not work'), isError: true }
  },
  async slow(args, journal, signal) {
    journal.note('slow')
    try {
      await setTimeout(Number(args['ms']), undefined, { signal })
    } catch (error) {
      journal.note('slow aborted')
      throw error
    }
    return text('done')
  },
  usage(_args, journal) {
    journal.note('usage')
    return { ...text('used'), _meta: { 'example.com/usage': { credits: 7, usd: '0.0071' } } }
  },
  throw(args, journal) {
    journal.note('throw')
    throw new WireError(Number(args['code']), 'as you asked', { asked: args['code'] })
  },
}

export const TOOLS = Object.keys(BODIES).map((name) => ({ name, inputSchema: { type: 'object' as const } }))

export async function runTool(
  journal: Journal,
  params: { readonly name: string; readonly arguments?: Args | undefined },
  signal: AbortSignal,
): Promise<ToolResult> {
  const body = BODIES[params.name]
  if (body === undefined) throw new WireError(-32602, `Unknown tool: ${params.name}`, undefined)
  return body(params.arguments ?? {}, journal, signal)
}

function text(value: string): ToolResult {
  return { content: [{ type: 'text', text: value }] }
}
