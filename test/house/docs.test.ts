import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { expect, test } from 'vitest'

/** README, CHANGELOG and the like, docs/, and what stands beside examples and benchmarks. */
const pages = [
  ...readdirSync('.').filter((file) => file.endsWith('.md')),
  ...['docs', 'examples', 'bench', 'test'].filter((folder) => existsSync(folder)).flatMap(markdownUnder),
]

function markdownUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.md') && !file.includes('node_modules/'))
}

/** A page without its blocks and spans of code. */
function prose(page: string): string {
  return readFileSync(page, 'utf8')
    .replace(/^( *)(```+|~~~+).*\n[\s\S]*?^ *\2 *$/gm, '')
    .replace(/(`+)[^`][\s\S]*?\1/g, 'code')
}

function linksOf(page: string): string[] {
  const text = prose(page)
  const inline = text.matchAll(/\]\(<?([^)\s>]+)>?(?: +"[^"]*")?\)/g)
  const defined = text.matchAll(/^ *\[[^\]]+\]: +<?(\S+?)>?(?: |$)/gm)
  return [...inline, ...defined].map(([, link]) => link!).filter((link) => !/^[a-z]+:/i.test(link))
}

/** The anchors of a page, as GitHub makes them of headings. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>()
  const withoutBlocks = readFileSync(page, 'utf8').replace(/^( *)(```+|~~~+).*\n[\s\S]*?^ *\2 *$/gm, '')
  for (const [, heading] of withoutBlocks.matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const text = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const slug = text.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-')
    let anchor = slug
    for (let again = 1; anchors.has(anchor); again++) anchor = `${slug}-${again}`
    anchors.add(anchor)
  }
  for (const [, id] of withoutBlocks.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id!)
  return anchors
}

function isBroken(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const file = path === '' ? page : posix.join(posix.dirname(page), decodeURIComponent(path))
  if (!existsSync(file)) return true
  if (anchor === undefined || statSync(file).isDirectory() || !file.endsWith('.md')) return false
  return !anchorsOf(file).has(anchor)
}

test('every link between the pages leads somewhere', () => {
  const broken = pages.flatMap((page) => {
    return linksOf(page)
      .filter((link) => isBroken(page, link))
      .map((link) => `${page}: ${link}`)
  })
  expect(broken).toEqual([])
})

test('no page has the marks of a merge that nobody ended', () => {
  expect(pages.filter((page) => /^(?:<{7}|>{7}) /m.test(readFileSync(page, 'utf8')))).toEqual([])
})

test('there is a README, and it links to the docs', () => {
  expect(pages).toContain('README.md')
  expect(linksOf('README.md').some((link) => link.startsWith('docs/'))).toBe(true)
})

test('every error has a heading that its help link leads to', () => {
  const codes = [...readFileSync('src/core/errors.ts', 'utf8').matchAll(/^ {2}\| '([a-z_]+)'$/gm)].map(
    ([, code]) => code!,
  )
  expect(codes.length).toBeGreaterThan(0)
  const anchors = anchorsOf('docs/reference/errors.md')
  expect(codes.filter((code) => !anchors.has(code))).toEqual([])
})
