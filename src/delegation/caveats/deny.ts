import { mayMatch, parsePatterns, type ToolPattern } from './tool-pattern.js'
import type { CaveatKind } from '../caveat.js'

/** `deny=<pattern>,…`: none of these tools, and none that a server may take for one of them. */
export const deny: CaveatKind<readonly ToolPattern[]> = {
  name: 'deny',
  reason: 'tool_not_allowed',
  parse: parsePatterns,
  holds: (patterns, request) => request.op !== 'call' || !patterns.some((pattern) => mayMatch(pattern, request)),
}
