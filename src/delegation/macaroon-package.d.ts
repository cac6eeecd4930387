/** What this library uses of the package `macaroon` 3.0.4, which brings no types. */
declare module 'macaroon' {
  interface Macaroon {
    readonly identifier: Uint8Array
    readonly signature: Uint8Array
    readonly caveats: ReadonlyArray<{ readonly identifier: Uint8Array }>
    addFirstPartyCaveat(caveat: Uint8Array): void
  }

  const macaroon: {
    newMacaroon(parts: { version: 2; rootKey: Uint8Array; identifier: Uint8Array }): Macaroon
    importMacaroon(binary: Uint8Array): Macaroon
  }
  export = macaroon
}
