/** A channel of news for whoever watches the process. */
export interface NewsChannel {
  readonly hasSubscribers: boolean
  publish(message: unknown): void
}

/** Where events are told besides their listeners. On Node `node:diagnostics_channel`, elsewhere nowhere; `#diagnostics` picks one. */
export interface DiagnosticsPort {
  /** The channel `mcp-budget:<event>`; the same one each time. */
  channel(event: string): NewsChannel
}
