/**
 * An agent spends by a token. Its ledger, in SQLite, is sealed, and the heads of its chains are signed into a file
 * elsewhere. Then somebody who can write the database changes one call, and later the whole ledger; each time `verifyLedger`
 * names the place.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
// #region imports
import { meter } from 'mcp-budget'
import {
  fileSink,
  generateKeys,
  LedgerSealer,
  publicKey,
  readCheckpoints,
  signingKey,
  unendedCalls,
  verifyLedger,
} from 'mcp-budget/audit'
import { SqliteBudgetEnforcer } from 'mcp-budget/sqlite'
// #endregion imports
import { KeyRing, mint } from 'mcp-budget/delegation'
import { changeDatabase } from './change-database.js'

const folder = mkdtempSync(join(tmpdir(), 'mcp-budget-audit-'))
const database = join(folder, 'budgets.db')
const [privateFile, publicFile] = [join(folder, 'sealer.pem'), join(folder, 'sealer.pub.pem')]
const checkpointFile = join(folder, 'checkpoints.jsonl')

try {
  // #region keys
  const { privatePem, publicPem } = generateKeys()
  writeFileSync(privateFile, privatePem, { mode: 0o600 }) // for the sealer alone
  writeFileSync(publicFile, publicPem) // for everybody who verifies
  // #endregion keys

  const keyRing = new KeyRing({ current: { kid: 'k1', key: crypto.getRandomValues(new Uint8Array(32)) } })
  const token = await mint(keyRing, { budget: 'acme/agent-1', exp: 'never' })

  // #region seal
  const enforcer = await SqliteBudgetEnforcer.open({ database })
  const { ledger, seals } = enforcer
  const sealer = new LedgerSealer({
    ledger,
    seals,
    checkpoints: {
      store: 'budgets-1',
      key: signingKey(readFileSync(privateFile, 'utf8')),
      sinks: [fileSink(checkpointFile)], // in truth on another machine
    },
  })
  sealer.start()
  // #endregion seal

  // #region meter
  await enforcer.initialize('acme/agent-1', 100)
  const agent = meter({
    enforcer,
    ledger,
    auditRequired: true, // no call without a record
    delegation: { keys: keyRing },
    prices: { defaultCost: 5 },
    awaitCapture: true,
  })
  // #endregion meter
  for (let i = 0; i < 10; i++) {
    const done = await agent.run({ tool: 'web_search', token }, () => ({ content: [] }))
    assert.equal(done.kind, 'result')
  }
  await agent.flush()
  for await (const { tool } of unendedCalls(ledger)) assert.fail(`${tool} has no end`)
  assert.equal(await sealer.checkpoint(), 2)
  await sealer.stop()

  const verify = async () => {
    // #region verify
    const found = await verifyLedger({
      ledger,
      seals,
      checkpoints: readCheckpoints(checkpointFile),
      keys: [publicKey(readFileSync(publicFile, 'utf8'))],
      balances: enforcer,
    })
    if (found.kind === 'broken') console.log(`${found.record} ${found.seq} of ${found.partition}: ${found.why}`)
    // #endregion verify
    return found
  }

  const whole = await verify()
  console.log(`${whole.kind}: ${whole.kind === 'ok' ? whole.records : 0} records`)
  assert.ok(whole.kind === 'ok' && whole.records === 41 && whole.unsealed === 0 && whole.checkpoints === 2)

  // Somebody says that the fourth call was made with another token.
  await changeDatabase(
    database,
    `UPDATE calls SET "body" = replace("body", '"tokenId":"', '"tokenId":"x') WHERE "seq" = 8`,
  )
  const changed = await verify()
  assert.ok(changed.kind === 'broken')
  assert.deepEqual([changed.record, changed.seq, changed.partition, changed.why], ['call', 8, 'acme', 'changed'])

  // And seals it all again, so that the seals agree.
  await changeDatabase(
    database,
    `DELETE FROM seals; UPDATE calls SET "token_id" = "body" ->> '$.tokenId' WHERE "seq" = 8`,
  )
  await new LedgerSealer({ ledger, seals }).seal()
  const rewritten = await verify()
  assert.ok(rewritten.kind === 'broken')
  assert.deepEqual([rewritten.record, rewritten.why, rewritten.after], ['call', 'rewritten', 0])
  await enforcer.shutdown()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
