/**
 * Makes the scripts of the Redis store out of src/backends/redis/lua/: `npm run lua`. A script says on top what it is
 * made `with`; those parts come before it, so that scripts share what they have in common. What is made is kept in
 * git, and a test holds it against its sources.
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'

const FOLDER = fileURLToPath(new URL('../src/backends/redis/', import.meta.url))

/** The scripts, by the file that each begins with. */
export const SCRIPTS = { partition: 'PARTITION_SCRIPT' } as const

/** The file that holds the scripts as text. */
export const MADE = `${FOLDER}scripts.ts`

/** What {@link MADE} must hold. */
export async function makeScripts(): Promise<string> {
  const parts = Object.entries(SCRIPTS).map(([file, name]) => {
    const parts = composeScript(file)
    const sha1 = createHash('sha1').update(parts.join('\n')).digest('hex')
    const text = `[${parts.map((part) => JSON.stringify(part)).join(',')}].join('\\n')`
    return `export const ${name}: Script = { sha1: '${sha1}', text: ${text} }`
  })
  const text = `// Made by \`npm run lua\` of the files in lua/, which say what it does. Do not edit.\n\nimport type { Script } from './redis-connection.js'\n\n${parts.join('\n\n')}\n`
  return await format(text, { ...(await resolveConfig(MADE)), parser: 'typescript' })
}

/** A script's parts: what it is made with, and itself, without their comments. */
function composeScript(file: string): string[] {
  const text = read(file)
  const parts = /^-- with: (.*)$/m.exec(text)?.[1]?.split(' ') ?? []
  return [...parts.map(read), text].map(withoutComments)
}

function read(file: string): string {
  return readFileSync(`${FOLDER}lua/${file}.lua`, 'utf8')
}

function withoutComments(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('--'))
    .join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(MADE, await makeScripts())
