/** `child.ts <goal file> <variant>`: measures one variant, and prints its figures after a mark. */
import { pathToFileURL } from 'node:url'
import { RESULT_MARK } from './processes.js'
import type { Goal } from './goal.js'

const [file = '', name = ''] = process.argv.slice(2)
const { goal } = (await import(pathToFileURL(file).href)) as { goal: Goal }
const variant = goal.variants[name]
if (variant === undefined) throw new Error(`${goal.id} has no variant ${name}`)
console.log(`${RESULT_MARK}${JSON.stringify(await variant())}`)
process.exit(0)
