import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { serverV2 } from './server-v2.js'
import { journalOfParent } from './stdio.js'

const journal = journalOfParent()
serveStdio(() => serverV2(journal))
