import { caveatInWords } from './caveat-words.js'
import { columns } from './columns.js'
import { EXIT } from './exit-code.js'
import { KEY_OPTIONS, readKey, readToken, TOKEN_ARGUMENT } from './secrets.js'
import { loadDelegation } from './drivers.js'
import { momentOf } from './when.js'
import type { Answer, CliCommand, Input } from './command.js'

interface Proof {
  readonly proved: boolean | null
  readonly reason: string | null
  /** Who pays, which only a proved token says. */
  readonly payer: string | null
}

/** `token inspect`: what a token says, and whether a key proves it. */
export const tokenInspect: CliCommand = {
  name: 'token inspect',
  summary: 'Show what a token says, in words. With a master key, prove it. The token itself is never shown.',
  takes: [TOKEN_ARGUMENT],
  options: KEY_OPTIONS,
  examples: [
    'mcp-budget token inspect agent-1.token',
    'mcp-budget token inspect agent-1.token --key-env BUDGET_KEY --kid 2026-11',
    'mcp-budget token inspect --json < agent-1.token',
  ],
  async run(input: Input): Promise<Answer> {
    const named = await readKey(input)
    const token = await readToken(input)
    const { inspect, KeyRing, verifyToken } = await loadDelegation()
    const { tokenId, kid, budget, issuedAt, caveats } = await inspect(token)
    const answer = named && (await verifyToken(token, { keys: new KeyRing({ current: named }) }))
    const proof: Proof = {
      proved: answer === undefined ? null : answer.kind === 'verified',
      reason: answer?.kind === 'refused' ? answer.reason : null,
      payer: answer?.kind === 'verified' ? answer.authority.budget : null,
    }
    const now = input.terminal.now()
    const read = caveats.map((text) => ({ text, words: caveatInWords(text, now) }))
    const lines = [
      ...columns([
        ['token', tokenId],
        ['budget', budget],
        ['key', kid],
        ['minted', momentOf(issuedAt * 1_000, now)],
        ['proved', proofInWords(proof, { kid, given: named?.kid })],
        ...(proof.payer === null || proof.payer === budget ? [] : [['pays', proof.payer]]),
      ]),
      ...(read.length === 0 ? [] : ['', ...columns(read.map(({ text, words }) => [nameOf(text), words]))]),
    ]
    const exitCode = proof.proved === false ? EXIT.unproved : EXIT.ok
    return { lines, json: { tokenId, budget, kid, issuedAt, ...proof, caveats: read }, exitCode }
  },
}

function proofInWords(
  { proved, reason }: Proof,
  { kid, given }: { readonly kid: string; readonly given: string | undefined },
): string {
  if (proved === null) return 'not asked: anybody can write a text that says so. Give the key'
  if (proved) return 'yes, by this key. Whether it is revoked or used up, only the store knows'
  if (given !== kid) return `no: it names the key ${kid}, and ${String(given)} was given`
  return `no: ${String(reason)}`
}

function nameOf(caveat: string): string {
  return /^[a-z]{2,8}(?==)/.exec(caveat)?.[0] ?? '?'
}
