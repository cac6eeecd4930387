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
export const SCRIPTS = { partition: 'PARTITION_SCRIPT', calls: 'CALLS_SCRIPT', tasks: 'TASKS_SCRIPT' } as const

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

/**
 * A script's parts: what it is made with, and itself, without their comments, linked. A part that it is made with
 * `lazily` is only made when one of its names is asked for: most steps need few of them.
 */
function composeScript(file: string): string[] {
  const text = read(file)
  const named = (word: string): string[] => new RegExp(`^-- ${word}: (.*)$`, 'm').exec(text)?.[1]?.split(' ') ?? []
  const [first, lazily] = [named('with'), named('lazily')]
  const parts = linked([...first, file, ...lazily], new Set(lazily))
  const { table, rest } = apart(parts.slice(0, first.length + 1).join('\n'))
  const later = lazily.map((name, n) => {
    const part = apart(parts[first.length + 1 + n] as string)
    return `if name == '${name}' then\nM.${name} = ${part.table}\n${part.rest}\nend`
  })
  return [`local M\nM = ${table}`, ...(later.length === 0 ? [] : [BEGIN, ...later, END]), rest]
}

/** Makes the part of a name. It is there from then on, so that this is asked once for each part. */
const [BEGIN, END] = ['setmetatable(M, { __index = function(_, name)', 'return rawget(M, name)\nend })']

/** The functions as fields of a table that has room for all other names too, and all else in its order. */
function apart(text: string): { readonly table: string; readonly rest: string } {
  const fields: string[] = []
  const rest = text.replace(FUNCTION, (_all, name: string, body: string) => {
    fields.push(`${name} = function${body}`)
    return ''
  })
  for (const [, list = ''] of rest.matchAll(/^((?:[\w.]+, )*[\w.]+) = /gm)) {
    for (const name of list.split(', ')) fields.push(`${name.replace(/^.*\./, '')} = false`)
  }
  return { table: `{\n${fields.join(',\n')}\n}`, rest }
}

/** On the outermost level: to an `end` on its line, or on one of its own. */
const FUNCTION = /^function [\w.]*\b(\w+)(\(.*(?:\bend|(?:\n(?!end$).*)*\nend))$\n?/gm

/**
 * Puts what stands on the outermost level into one table. A script is run anew each time, and to make a function that
 * reaches for twenty others by name takes a walk through all names for each: with one table there is one name. A part
 * that is made lazily is a table in it. Numbers that never change stand where they are used.
 */
function linked(files: readonly string[], lazily: ReadonlySet<string>): string[] {
  const names = new Map<string, string>()
  const note = (name: string, linkedName: string): void => {
    if (names.has(name) || lazily.has(name)) throw new Error(`Expected one ${name} on the outermost level, got two`)
    names.set(name, linkedName)
  }
  const parts = files.map((file) => {
    const text = withoutComments(read(file)).replace(CONSTANT, (_all, name: string, value: string) => {
      note(name, value)
      return ''
    })
    for (const [, name, list] of text.matchAll(/^local (?:function (\w+)|([\w, ]+?)(?: =|$))/gm)) {
      for (const each of (name ?? list ?? '').split(',').map((word) => word.trim())) {
        note(each, lazily.has(file) ? `M.${file}.${each}` : `M.${each}`)
      }
    }
    return text
  })
  return parts.map((part) => {
    const outer = part.replace(/^local function (\w+)/gm, 'function $1').replace(/^local /gm, '')
    const text = linkNames(outer, names)
    // One that is hidden by a parameter or a local of the same name would be linked all the same.
    const hidden = /local [\w, ]*M\.\w+|for [\w, ]*M\.\w+[\w, .]* in|function [\w.]*\([\w, ]*M\.\w+/.exec(text)
    if (hidden !== null) throw new Error(`Expected no second name like that on the outermost level: ${hidden[0]}`)
    return text
  })
}

const CONSTANT = /^local ([A-Z_]+) = (\d+)$\n?/gm

const TOKEN = /'(?:\\.|[^'\\])*'|[A-Za-z_]\w*|==|\.\.\.?|\s+|./g

function linkNames(text: string, names: ReadonlyMap<string, string>): string {
  const tokens = text.match(TOKEN) ?? []
  const isSpace = (token: string | undefined): boolean => token !== undefined && /^\s+$/.test(token)
  const open: string[] = []
  let before = ''
  return tokens
    .map((token, at) => {
      if (isSpace(token)) return token
      if ('{('.includes(token)) open.push(token)
      if ('})'.includes(token)) open.pop()
      const next = isSpace(tokens[at + 1]) ? tokens[at + 2] : tokens[at + 1]
      const isKey = open.at(-1) === '{' && next === '=' && '{,'.includes(before)
      const isField = before === '.' || before === ':'
      before = token
      return (!isKey && !isField && names.get(token)) || token
    })
    .join('')
}

function read(file: string): string {
  return readFileSync(`${FOLDER}lua/${file}.lua`, 'utf8')
}

function withoutComments(text: string): string {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trim().startsWith('--'))
    .join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(MADE, await makeScripts())
