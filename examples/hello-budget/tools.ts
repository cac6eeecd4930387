/** What the five tools do: small, but real work, and all of it on this machine. */
import { createHash } from 'node:crypto'
import articles from './data/articles.json' with { type: 'json' }
import orders from './data/orders.json' with { type: 'json' }

/** The titles of the articles in which the query's words occur, the best first. */
export function search(query: string): string[] {
  const wanted = words(query)
  const scored = articles.map(({ title, text }) => {
    const found = words(`${title} ${text}`)
    return { title, score: found.filter((word) => wanted.includes(word)).length / Math.sqrt(found.length) }
  })
  return scored
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .map(({ title }) => title)
}

/** The orders of one country, or all. */
export function findOrders(country: string | undefined): string[] {
  const found = country === undefined ? orders : orders.filter((order) => order.country === country)
  return found.map(({ customer, total }) => `${customer} ${total}`)
}

/** The text of an article. @throws when there is none of that title */
export function articleText(title: string): string {
  const article = articles.find((each) => each.title === title)
  if (article === undefined) throw new Error(`no article is called "${title}"`)
  return article.text
}

/** The sentences that say most of what the text says, in their own order. */
export function summarize(text: string, sentences: number): string {
  const weight = new Map<string, number>()
  for (const word of words(text)) weight.set(word, (weight.get(word) ?? 0) + 1)
  const scored = text
    .split(/(?<=[.!?])\s+/)
    .map((sentence, at) => ({ sentence, at, score: sum(words(sentence).map((word) => weight.get(word) ?? 0)) }))
  const best = scored.sort((a, b) => b.score - a.score).slice(0, sentences)
  return best
    .sort((a, b) => a.at - b.at)
    .map(({ sentence }) => sentence)
    .join(' ')
}

/** A picture of circles, as SVG: the same prompt gives the same picture. */
export function draw(prompt: string): string {
  const bytes = createHash('sha256').update(prompt).digest()
  const circles = Array.from({ length: 8 }, (_, i) => {
    const [x = 0, y = 0, size = 0, hue = 0] = bytes.subarray(i * 4, i * 4 + 4)
    return `<circle cx="${x}" cy="${y}" r="${10 + size / 6}" fill="hsl(${hue} 60% 60% / 0.7)"/>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 255 255">${circles.join('')}</svg>`
}

/** The value of an arithmetic expression. It is parsed, and never given to `eval`. @throws when it has none */
export function calculate(expression: string): number {
  const tokens = expression.match(/\d+(?:\.\d+)?|\S/g) ?? []
  const value = addition()
  if (tokens.length > 0) throw new Error(`"${tokens[0]}" was not expected`)
  if (!Number.isFinite(value)) throw new Error('not a number')
  return value

  function addition(): number {
    let left = multiplication()
    for (;;) {
      if (take('+')) left += multiplication()
      else if (take('-')) left -= multiplication()
      else return left
    }
  }

  function multiplication(): number {
    let left = operand()
    for (;;) {
      if (take('*')) left *= operand()
      else if (take('/')) left /= operand()
      else return left
    }
  }

  function operand(): number {
    if (take('-')) return -operand()
    if (take('(')) {
      const inner = addition()
      if (!take(')')) throw new Error('a bracket is not closed')
      return inner
    }
    const token = tokens.shift()
    if (token === undefined || !/^\d/.test(token)) throw new Error('a number was expected')
    return Number(token)
  }

  function take(token: string): boolean {
    if (tokens[0] !== token) return false
    tokens.shift()
    return true
  }
}

function words(text: string): string[] {
  return (text.toLowerCase().match(/[a-z]{3,}/g) ?? []).filter((word) => !COMMON.has(word))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}

const COMMON = new Set(
  'and are before but can for from has its never not that the them this was what when who with'.split(' '),
)
