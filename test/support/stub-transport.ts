/** What a test keeps of one `send`. */
export interface Sent {
  readonly message: any
  readonly options: any
}

/**
 * A transport without anything behind it: it notes what is sent, and a test answers. Its class has a private field and
 * accessors, as those of the SDKs have.
 */
export class StubTransport {
  readonly sent: Sent[] = []
  onclose: (() => void) | undefined
  onerror: ((error: Error) => void) | undefined
  sessionId: string | undefined = undefined
  started = 0
  /** What `send` answers with; resolves at once by default. */
  onsend: (message: any, options: any) => Promise<void> | void = () => {}
  #onmessage: ((message: any, extra?: any) => void) | undefined
  #closed = false

  get onmessage(): ((message: any, extra?: any) => void) | undefined {
    return this.#onmessage
  }
  set onmessage(handler: ((message: any, extra?: any) => void) | undefined) {
    this.#onmessage = handler
  }

  get closed(): boolean {
    return this.#closed
  }

  async start(): Promise<void> {
    this.started++
  }

  send(message: any, options?: any): Promise<void> {
    this.sent.push({ message, options })
    return this.onsend(message, options) ?? Promise.resolve()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.onclose?.()
  }

  /** What comes from the server. */
  receive(message: unknown, extra?: unknown): void {
    this.#onmessage?.(message, extra)
  }

  /** The messages that were sent. */
  get messages(): any[] {
    return this.sent.map(({ message }) => message)
  }
}

/** As {@link StubTransport}, with the member by which a client transport shows that it can resume streams. */
export class ResumableStub extends StubTransport {
  async resumeStream(): Promise<void> {}
}
