import type { ClearRequest } from '../request.js'

/** A pattern of tools, `[server:]glob`: `*` stands for any characters, all others for themselves. */
export interface ToolPattern {
  readonly server: string | undefined
  readonly glob: string
}

const PATTERN = /^(?:([\w.-]{1,64}):)?([\w./*-]{1,128})$/
const PLAIN = /^[\w./-]{1,128}$/
const MOST_STARS = 4

/** One pattern; `undefined` where it is none, or has more than four `*`. */
export function parsePattern(text: string): ToolPattern | undefined {
  const [, server, glob] = PATTERN.exec(text) ?? []
  if (glob === undefined || glob.split('*').length - 1 > MOST_STARS) return undefined
  return { server, glob }
}

/** 1 to 32 patterns with commas between them. */
export function parsePatterns(text: string): readonly ToolPattern[] | undefined {
  const parts = text.split(',')
  const patterns = parts.flatMap((part) => parsePattern(part) ?? [])
  return patterns.length === parts.length && parts.length <= 32 ? patterns : undefined
}

/** Whether a call is surely one that the pattern means: what may be called is judged by this. */
export function surelyMatches({ server, glob }: ToolPattern, request: ClearRequest): boolean {
  const { tool } = request
  if (tool === undefined || (server !== undefined && server !== request.server)) return false
  // A name that patterns cannot describe is none that they mean.
  return PLAIN.test(tool) && globMatches(glob, tool)
}

/**
 * Whether a call may be one that the pattern means: what must not be called is judged by this. A name in other letter
 * case, one with characters that a server may overlook, and a server that nobody named are all taken for a match.
 */
export function mayMatch({ server, glob }: ToolPattern, request: ClearRequest): boolean {
  const { tool } = request
  if (server !== undefined && request.server !== undefined && server.toLowerCase() !== request.server.toLowerCase()) {
    return false
  }
  return tool === undefined || !PLAIN.test(tool) || globMatches(glob.toLowerCase(), tool.toLowerCase())
}

/** Matches by two pointers and never by a RegExp, so that the time grows with the product of the lengths at most. */
function globMatches(glob: string, name: string): boolean {
  let g = 0
  let star = -1
  let resumeAt = 0
  for (let n = 0; n < name.length;) {
    if (glob[g] === '*') {
      star = g++
      resumeAt = n
    } else if (glob[g] === name[n]) {
      g++
      n++
    } else if (star !== -1) {
      // The last `*` takes one character more.
      g = star + 1
      n = ++resumeAt
    } else {
      return false
    }
  }
  return /^\**$/.test(glob.slice(g))
}
