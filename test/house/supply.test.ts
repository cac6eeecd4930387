import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly scripts?: Readonly<Record<string, string>>
}

interface Locked extends Manifest {
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly peer?: boolean
  readonly hasInstallScript?: boolean
}

const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'))
const manifest = read('package.json') as Manifest
const lock = read('package-lock.json') as { packages: Readonly<Record<string, Locked>> }

describe('who installs this package', () => {
  test('gets one dependency, which brings no other [T55]', () => {
    expect(Object.keys(manifest.dependencies ?? {})).toEqual(['eventemitter3'])
    expect(lock.packages['node_modules/eventemitter3']?.dependencies).toBeUndefined()
  })

  test('runs no install script, neither ours nor of what it gets [T55]', () => {
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish']
    expect(Object.keys(manifest.scripts ?? {}).filter((script) => hooks.includes(script))).toEqual([])
    const installed = Object.entries(lock.packages).filter(
      ([path, { dev, devOptional, peer }]) => path !== '' && dev !== true && devOptional !== true && peer !== true,
    )
    expect(installed.map(([path]) => path)).toEqual(['node_modules/eventemitter3'])
    expect(installed.filter(([, { hasInstallScript }]) => hasInstallScript === true)).toEqual([])
  })

  test('may have either SDK, or none, and the package that mints tokens and a client of a store, or not [T55]', () => {
    const peers = Object.keys(manifest.peerDependencies ?? {})
    expect(peers.filter((peer) => !peer.startsWith('@modelcontextprotocol/'))).toEqual([
      'ioredis',
      'libsql',
      'macaroon',
      'pg',
      'redis',
    ])
    expect(peers.filter((peer) => manifest.peerDependenciesMeta?.[peer]?.optional !== true)).toEqual([])
  })
})
