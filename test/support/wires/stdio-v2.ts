import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { serverV2 } from './server-v2.js'
import { guardOfParent, journalOfParent } from './parent.js'

const journal = journalOfParent()
const guard = guardOfParent()
serveStdio(
  guard.factory(() => guard.server(serverV2(journal))),
  { transport: guard.transport(new StdioServerTransport()) },
)
