import { settle } from 'mcp-budget/testing'
import { afterEach, beforeEach, expect } from 'vitest'

/** Fails each test of a file in which a rejection is left to nobody: outside of a test it would end the process. */
export function expectNoUnhandledRejection(): void {
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  beforeEach(() => void process.on('unhandledRejection', note))
  afterEach(async () => {
    await settle()
    process.off('unhandledRejection', note)
    expect(unhandled.splice(0)).toEqual([])
  })
}
