import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { serverV1 } from './server-v1.js'
import { guardOfParent, journalOfParent } from './parent.js'

const guard = guardOfParent()
const make = guard.factory(() => serverV1(journalOfParent()))
await guard.server(make()).connect(guard.transport(new StdioServerTransport()))
