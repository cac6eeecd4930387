import { parsePatterns, surelyMatches, type ToolPattern } from './tool-pattern.js'
import type { CaveatKind } from '../caveat.js'

/** `tool=<pattern>,…`: only these tools. */
export const tool: CaveatKind<readonly ToolPattern[]> = {
  name: 'tool',
  reason: 'tool_not_allowed',
  parse: parsePatterns,
  holds: (patterns, request) => request.op !== 'call' || patterns.some((pattern) => surelyMatches(pattern, request)),
}
