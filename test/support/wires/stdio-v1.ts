import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { serverV1 } from './server-v1.js'
import { journalOfParent } from './stdio.js'

await serverV1(journalOfParent()).connect(new StdioServerTransport())
