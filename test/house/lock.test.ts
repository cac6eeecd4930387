import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

interface Locked {
  readonly optional?: boolean
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Readonly<Record<string, Locked>> }
const packages = Object.entries(lock.packages)

/** Where Node would find `name` from the package at `path`. */
function entryOf(name: string, path: string): string | undefined {
  for (let from = path; ; from = from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/')))) {
    const candidate = `${from}${from === '' ? '' : '/'}node_modules/${name}`
    if (candidate in lock.packages) return candidate
    if (from === '') return undefined
  }
}

test('the lock has an entry for every optional dependency, without which `npm ci` refuses it', () => {
  const named = packages.flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).map((name) => ({ name, path })),
  )
  expect(named.length).toBeGreaterThan(0)
  expect(named.filter(({ name, path }) => entryOf(name, path) === undefined)).toEqual([])
})

test('the lock names no registry but the public one', () => {
  const foreign = packages.filter(([, { resolved }]) => {
    return resolved !== undefined && !resolved.startsWith('https://registry.npmjs.org/')
  })
  expect(foreign).toEqual([])
})

test('the lock holds a checksum of every package', () => {
  const unchecked = packages.filter(
    ([path, { integrity, link }]) => path !== '' && integrity === undefined && link !== true,
  )
  expect(unchecked.map(([path]) => path)).toEqual([])
})
