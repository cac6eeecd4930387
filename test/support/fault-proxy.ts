import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Random } from '../../src/testing/random.js'

/** What may happen to what passes: how likely each is, for each piece that comes. */
export interface Faults {
  /** The connection is cut before a request is sent on. */
  readonly loseRequest?: number
  /** The connection is cut in place of an answer: what was asked has happened, and nobody hears of it. */
  readonly loseAnswer?: number
  /** A request is sent once more, on a connection of its own, and its answer thrown away. */
  readonly duplicate?: number
  /** A request is sent once more on the same connection, at once or a little later. */
  readonly repeat?: number
  /** A piece waits for so many milliseconds at most. */
  readonly delay?: number
  readonly delayMs?: number
}

/** Stands between a client and a server, and does what networks do. */
export class FaultProxy {
  readonly #random: Random
  readonly #target: { readonly port: number; readonly host: string }
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #port = 0
  faults: Faults = {}
  /** While it is paused it takes everything, and hands nothing on. */
  #paused: Promise<void> | undefined
  #goOn = (): void => {}
  /** How often something went wrong. */
  count = 0

  constructor(target: string, random: Random) {
    const { port, hostname } = new URL(target)
    this.#target = { port: Number(port), host: hostname }
    this.#random = random
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`
  }

  /** Listens, again where it listened before. */
  async up(): Promise<void> {
    const server = createServer((client) => this.#join(client))
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** Nobody is there any more. */
  async down(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const socket of this.#sockets) socket.destroy()
    if (server !== undefined) await new Promise((resolve) => server.close(resolve))
  }

  pause(): void {
    this.#paused = new Promise((resolve) => (this.#goOn = resolve))
  }

  goOn(): void {
    this.#paused = undefined
    this.#goOn()
  }

  #join(client: Socket): void {
    const server = connect(this.#target.port, this.#target.host)
    this.#pipe(client, server, 'loseRequest', (piece) => this.#maybeTwice(piece))
    this.#pipe(server, client, 'loseAnswer')
  }

  #pipe(from: Socket, to: Socket, lose: 'loseRequest' | 'loseAnswer', seen?: (piece: Buffer) => void): void {
    this.#sockets.add(from)
    let queue = Promise.resolve()
    const end = (): void => {
      this.#sockets.delete(from)
      from.destroy()
      to.destroy()
    }
    from.setNoDelay(true)
    from.on('error', end)
    from.on('close', end)
    from.on('data', (piece) => {
      queue = queue.then(async () => {
        if (this.#paused !== undefined) await this.#paused
        const { delay = 0, delayMs = 0 } = this.faults
        if (this.#happens(delay)) await new Promise((resolve) => setTimeout(resolve, this.#random.int(delayMs)))
        if (this.#happens(this.faults[lose] ?? 0)) return end()
        seen?.(piece)
        to.write(piece)
        if (lose === 'loseRequest' && this.#happens(this.faults.repeat ?? 0))
          setTimeout(() => to.write(piece), this.#random.int(3))
      })
    })
  }

  #maybeTwice(piece: Buffer): void {
    if (!this.#happens(this.faults.duplicate ?? 0)) return
    const other = connect(this.#target.port, this.#target.host, () => other.write(piece))
    const end = (): void => void other.destroy()
    other.on('error', end)
    other.on('data', end)
    other.setTimeout(2_000, end)
  }

  #happens(rate: number): boolean {
    const happens = rate > 0 && this.#random.chance(rate)
    if (happens) this.count++
    return happens
  }
}
