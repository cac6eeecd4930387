/** What every tool call of the conformance client costs. */
export const PRICE = 5
