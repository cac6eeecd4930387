export { asyncEnforcer, type AsyncEnforcerOptions } from './async-enforcer.js'
export { FakeClock, settle } from './fake-clock.js'
export { fakeEnforcer, type FakeEnforcerOptions, type Recorded } from './fake-enforcer.js'
export { type AsyncEnforcer, type EnforcerCall, type SyncEnforcer, type Verb } from './verbs.js'
