import type { Journal } from '../../test/support/wires/journal.js'

/** Servers of the tests note what they run; here that would be measured. */
export const SILENT: Journal = {
  note() {},
  executions() {
    throw new Error('nothing is noted')
  },
}
