/** `stdio-server.ts v1|v2`: a server on standard input and output, as P1 starts it. */
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { serverV1 } from '../../test/support/wires/server-v1.js'
import { serverV2 } from '../../test/support/wires/server-v2.js'
import { SILENT } from './silent-journal.js'

if (process.argv[2] === 'v1') await serverV1(SILENT).connect(new StdioServerTransport())
else serveStdio(() => serverV2(SILENT))
