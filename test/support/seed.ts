import fc from 'fast-check'

/**
 * What fast-check draws with in the gate, so that a run is green or red for what changed, and not by luck. Other values
 * are tried by `npm run test:long`, which draws a seed for itself, and by whoever sets `MCP_BUDGET_SEED`. Vitest alone,
 * with `MCP_BUDGET_LONG=1` or without, draws with this one.
 */
const SEED_OF_THE_GATE = 20_261_127

const told = process.env['MCP_BUDGET_SEED']
const seed = told === undefined ? SEED_OF_THE_GATE : Number(told)
// An empty text is the number 0, which nobody meant.
if (told?.trim() === '' || !Number.isInteger(seed))
  throw new Error(`Expected MCP_BUDGET_SEED to be a whole number, got '${told}'`)

// A property that fails prints its seed, and so does a run of `test:long` when it starts.
fc.configureGlobal({ seed })
