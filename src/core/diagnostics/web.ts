import type { DiagnosticsPort, NewsChannel } from '../diagnostics.js'

const nobody: NewsChannel = { hasSubscribers: false, publish() {} }

/** The port in browsers and workers: nobody can subscribe. */
export const diagnostics: DiagnosticsPort = { channel: () => nobody }
