/** Waits until something is so, and looks each millisecond. @throws Error after a minute */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 60_000; !isSo();) {
    if (Date.now() > deadline) throw new Error(`Expected that ${what} within a minute`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
