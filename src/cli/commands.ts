import { budgetClose } from './budget-close.js'
import { budgetGrant } from './budget-grant.js'
import { budgetReconcile } from './budget-reconcile.js'
import { budgetShow } from './budget-show.js'
import { ledgerExport } from './ledger-export.js'
import { ledgerReport } from './ledger-report.js'
import { ledgerVerify } from './ledger-verify.js'
import { migrate } from './migrate.js'
import { tokenAttenuate } from './token-attenuate.js'
import { tokenInspect } from './token-inspect.js'
import { tokenMint } from './token-mint.js'
import type { CliCommand } from './command.js'

/** All commands, in the order of the help. */
export const COMMANDS: readonly CliCommand[] = [
  budgetShow,
  budgetGrant,
  budgetClose,
  budgetReconcile,
  ledgerVerify,
  ledgerReport,
  ledgerExport,
  tokenMint,
  tokenAttenuate,
  tokenInspect,
  migrate,
]
