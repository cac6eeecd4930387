export { asyncEnforcer, type AsyncEnforcerOptions } from './async-enforcer.js'
export { ConformanceError } from './conformance/check.js'
export { enforcerConformance } from './enforcer-conformance.js'
export { FakeClock, settle } from './fake-clock.js'
export { fakeEnforcer, type FakeEnforcerOptions, type Recorded } from './fake-enforcer.js'
export { faultyEnforcer, randomFaults, type EnforcerFault, type EnforcerFaults } from './faulty-enforcer.js'
export {
  faultyTransport,
  type TransportDirection,
  type TransportFault,
  type TransportFaults,
} from './faulty-transport.js'
export { type ConformanceCase, type EnforcerConformanceOptions } from './conformance/case.js'
export { type TestClock } from './conformance/subject.js'
export { type AsyncEnforcer, type EnforcerCall, type SyncEnforcer, type Verb } from './verbs.js'
export { taskStoreConformance } from './task-store-conformance.js'
export { type TaskStoreConformanceOptions } from './task-conformance/rule.js'
export { simulate, type SimulatedStoreContext, type SimulateOptions, type SimulationReport } from './simulate.js'
export { type BrokenRule } from './simulation/violation.js'
