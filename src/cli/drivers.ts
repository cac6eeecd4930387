import { CliError } from './cli-error.js'

/*
 * Each driver is the user's own, and is loaded only by a command that needs it.
 */

/** The package `pg`. @throws CliError `not_supported` */
export async function loadPg() {
  return installed(['pg'], await attempt(() => import('pg')))
}

/** The packages for Redis, `ioredis` first. @throws CliError `not_supported` */
export async function loadRedis() {
  const ioredis = await attempt(() => import('ioredis'))
  if (ioredis !== undefined) return { ioredis }
  return { redis: installed(['ioredis', 'redis'], await attempt(() => import('redis'))) }
}

/** The entry that mints tokens, which needs the package `macaroon`. @throws CliError `not_supported` */
export async function loadDelegation() {
  return installed(['macaroon'], await attempt(() => import('mcp-budget/delegation')))
}

async function attempt<Module>(load: () => Promise<Module>): Promise<Module | undefined> {
  try {
    return await load()
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}

function installed<Module>(names: readonly string[], found: Module | undefined): Module {
  if (found !== undefined) return found
  const packages = names.map((name) => `\`${name}\``).join(' or ')
  throw new CliError({
    slug: 'not_supported',
    message: `Expected the package ${packages}, got none`,
    hint: `Run \`npm install ${names[0]}\``,
  })
}
