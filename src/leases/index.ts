export { LeasedEnforcer } from './leased-enforcer.js'
export { readJournal } from './read-journal.js'
export { type LeasedEnforcerOptions } from './options.js'
export { type LeaseJournal } from './journal.js'
