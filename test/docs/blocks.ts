import { readdirSync, readFileSync } from 'node:fs'

/** Every page whose code may be taken from files that are type-checked and run. */
export const PAGES: readonly string[] = [
  'README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .map((file) => `docs/${file.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.md'))
    .sort(),
]

/** The pages whose code is all taken from such files. */
export const GUIDES = PAGES.filter((page) => page === 'README.md' || /^docs\/(?:start\.md|guides\/)/.test(page))

/** A block of code on a page. */
export interface Block {
  /** `README.md:12`, the line of its fence. */
  readonly at: string
  readonly language: string
  /** Where its code is from: `examples/one-tool/v1.ts#tool`, or a whole file without `#`. */
  readonly source: string | undefined
  readonly text: string
}

const FENCE = /^```(\w*)(?: source="([^"]+)")?\n([\s\S]*?)^```$/gm

/** The blocks of a page's text. */
export function blocksOf(page: string, markdown: string): Block[] {
  return Array.from(markdown.matchAll(FENCE), ({ index, 1: language = '', 2: source, 3: text = '' }) => {
    const line = markdown.slice(0, index).split('\n').length
    return { at: `${page}:${line}`, language, source, text }
  })
}

/** The page with every block that names a source as its source has it; JSON may be broken into lines otherwise. */
export function synced(markdown: string, read: (source: string) => string): string {
  return markdown.replace(FENCE, (block, language: string, source: string | undefined, text: string) => {
    if (source === undefined) return block
    const wanted = read(source)
    if (language === 'json' && isSameJson(text, wanted)) return block
    return `\`\`\`${language} source="${source}"\n${wanted}\`\`\``
  })
}

function isSameJson(a: string, b: string): boolean {
  try {
    return JSON.stringify(JSON.parse(a)) === JSON.stringify(JSON.parse(b))
  } catch {
    return false
  }
}

/** The text of a source: a file, or the lines between `// #region name` and `// #endregion name`, moved to the left. */
export function sourceText(source: string): string {
  const [file = '', region] = source.split('#')
  const text = readFileSync(file, 'utf8')
  return region === undefined ? text : regionOf(text, region, source)
}

/** @throws when the region is not there, or there twice */
export function regionOf(text: string, region: string, source: string): string {
  const lines = text.split('\n')
  const [begin, again] = placesOf(lines, `// #region ${region}`)
  const [end] = placesOf(lines, `// #endregion ${region}`)
  if (begin === undefined || end === undefined || end < begin || again !== undefined) {
    throw new Error(`Expected one region ${source}`)
  }
  const inside = lines.slice(begin + 1, end).filter((line) => !/^\s*\/\/ #(?:end)?region /.test(line))
  const indents = inside.filter((line) => line.trim() !== '').map((line) => line.search(/\S/))
  const indent = Math.min(...indents)
  return inside.map((line) => `${line.slice(indent)}\n`).join('')
}

function placesOf(lines: readonly string[], marker: string): number[] {
  return lines.flatMap((line, i) => (line.trim() === marker ? [i] : []))
}
