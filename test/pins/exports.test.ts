import { readFileSync } from 'node:fs'
import ts from 'typescript'
import { beforeAll, describe, expect, test } from 'vitest'
import * as delegation from '../../src/delegation/index.js'
import * as redis from '../../src/backends/redis/index.js'
import * as root from '../../src/index.js'
import * as testing from '../../src/testing/index.js'

/*
 * What the package exports, by name. A name that goes breaks somebody; a name that comes must be kept for years. So
 * both change this list, by hand, and the CHANGELOG.
 */
const ROOT = {
  // prettier-ignore
  values: [
    'BudgetError', 'BudgetEvents', 'CutoverReport', 'InMemoryBudgetEnforcer', 'InMemoryTaskStore',
    'MAX_CREDITS', 'MemoryLedger', 'REFUSALS', 'TASK_LIMITS', 'assertMetered', 'budgetId', 'callDigest',
    'canDelegate', 'canHold', 'compileCostProfile', 'compose', 'composeWith', 'decimalToCredits',
    'endHold', 'isCredits', 'isMetered', 'meter', 'middleware', 'refusalOf', 'refuse', 'replay',
    'report', 'systemClock', 'toolDigest', 'withBudget', 'withCostProfile', 'withLedger',
    'withToolPins', 'wrapClient', 'wrapServer', 'wrapServerFactory', 'wrapTool', 'wrapTransport',
  ],
  // prettier-ignore
  types: [
    'AmendRequest', 'Attempt', 'AttemptKey', 'Authority', 'Authorized', 'Balance', 'BalanceChange',
    'BeginRequest', 'BeginResult', 'BindRequest', 'BindResult', 'BudgetEnforcer', 'BudgetErrorCode',
    'BudgetEventMap', 'BudgetEventName', 'BudgetId', 'BudgetLine', 'BudgetMeter', 'BudgetMiddleware',
    'BudgetOptions', 'BudgetResult', 'BudgetSpec', 'BudgetView', 'CalendarWindow', 'CallAuth',
    'CallHold', 'CallInput', 'CallMiddleware', 'CallOutcome', 'CallRecord', 'CallRef', 'CallTotals',
    'CaptureRequest', 'CaptureResult', 'Charge', 'ChargeId', 'ClientLike', 'Clock', 'CloseRequest',
    'CloseResult', 'CostProfile', 'CostProfileOptions', 'Credits', 'CutoverCount',
    'CutoverReportOptions', 'CutoverSum', 'CutoverSummary', 'DelegatingEnforcer', 'DelegationCaps',
    'DueTasks', 'DurationWindow', 'EndRequest', 'EndResult', 'EnforcerReason', 'ErrorOutcome',
    'ExtendRequest', 'ExtendResult', 'FailMode', 'Failure', 'FinishRequest', 'FoldedCalls',
    'GovernableMethod', 'GrantRequest', 'Held', 'HoldEnd', 'HoldEvent', 'HoldLine', 'HoldMeta',
    'HoldRequest', 'HoldResult', 'HoldState', 'HoldingEnforcer', 'InMemoryBudgetEnforcerOptions',
    'InMemoryTaskStoreOptions', 'InputOutcome', 'JsonObject', 'Ledger', 'LedgerQuery', 'LedgerRecord',
    'LineWindow', 'LostOutcome', 'MatchedPrice', 'MaybePromise', 'Meter', 'MeterOptions', 'MeteredRule',
    'Metering', 'Mode', 'MoneyEntry', 'MoneyOp', 'MoneySink', 'MoveResult', 'NewBudget',
    'ObservedMessage', 'OnExpire', 'Ordered', 'OutcomePrices', 'Overage', 'Prefix', 'PrefixLimit',
    'Price', 'PriceCharge', 'PriceFunction', 'PriceMatch', 'PriceRule', 'PriceSource', 'Priced',
    'PricedRule', 'Proof', 'Rate', 'Refusal', 'RefusalCodes', 'RefusalData', 'RefusalReason',
    'RefusalReasons', 'RefusalSlug', 'RefusedCall', 'RefusedOutcome', 'Registration', 'ReleaseRequest',
    'ReleaseResult', 'Report', 'ResultOutcome', 'RevokeRequest', 'RevokeResult', 'Revoked',
    'SchemaResult', 'SealKey', 'SeatOptions', 'ServerCosts', 'ServerFactory', 'ServerLike',
    'SpendRequest', 'StandardSchemaV1', 'TaskBinding', 'TaskEnd', 'TaskEndKind', 'TaskName',
    'TaskOutcome', 'TaskRef', 'TaskStore', 'ToolCall', 'ToolHandler', 'ToolListing', 'ToolPinList',
    'ToolPinsOptions', 'TransferRequest', 'TransportLike', 'Unpriced', 'UsedLimit', 'WindowSpan',
    'WindowSpec', 'WindowUnit', 'WrongOrder',
  ],
}
const DELEGATION = {
  // prettier-ignore
  values: ['KeyRing', 'TokenVerifier', 'attenuate', 'clear', 'inspect', 'mint', 'verifyToken'],
  // prettier-ignore
  types: [
    'ArgRule', 'ArgValue', 'Authority', 'Caveat', 'CaveatKind', 'CaveatPlace', 'Caveats', 'ClearRequest',
    'Cleared', 'KeyRingOptions', 'MasterKey', 'MintOptions', 'Prefix', 'PrefixLimit', 'Rate', 'Registration',
    'RetiredKey', 'TenantKeys', 'TokenIdentifier', 'TokenLimits', 'TokenOp', 'TokenReason', 'TokenRefusal',
    'TokenVerifierOptions', 'TokenView', 'VerifiedToken',
  ],
}
const REDIS = {
  values: ['RedisBudgetEnforcer', 'RedisTaskStore', 'ioredisPort', 'nodeRedisClusterPort', 'nodeRedisPort'],
  // prettier-ignore
  types: [
    'IoredisLike', 'NodeRedisClusterLike', 'NodeRedisLike', 'RedisBudgetEnforcerOptions', 'RedisPlace', 'RedisPort',
    'RedisTaskStoreOptions',
  ],
}
const TESTING = {
  // prettier-ignore
  values: [
    'ConformanceError', 'FakeClock', 'asyncEnforcer', 'enforcerConformance', 'fakeEnforcer',
    'faultyEnforcer', 'faultyTransport', 'randomFaults', 'settle', 'simulate', 'taskStoreConformance',
  ],
  // prettier-ignore
  types: [
    'AsyncEnforcer', 'AsyncEnforcerOptions', 'BrokenRule', 'ConformanceCase', 'EnforcerCall',
    'EnforcerConformanceOptions', 'EnforcerFault', 'EnforcerFaults', 'FakeEnforcerOptions', 'Recorded',
    'SimulateOptions', 'SimulatedStoreContext', 'SimulationReport', 'SyncEnforcer',
    'TaskStoreConformanceOptions', 'TestClock', 'TransportDirection', 'TransportFault',
    'TransportFaults', 'Verb',
  ],
}

let program: ts.Program
beforeAll(() => {
  const { config } = ts.readConfigFile('tsconfig.json', (path) => ts.sys.readFile(path)) as { config: object }
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, process.cwd())
  const entries = ['src/index.ts', 'src/delegation/index.ts', 'src/backends/redis/index.ts', 'src/testing/index.ts']
  program = ts.createProgram(entries, options)
}, 60_000)

describe('mcp-budget', () => {
  test('exports these values', () => expect(Object.keys(root).sort()).toEqual(ROOT.values))
  test('exports these types', () => expect(typesOf('src/index.ts', root)).toEqual(ROOT.types))
})

describe('mcp-budget/delegation', () => {
  test('exports these values', () => expect(Object.keys(delegation).sort()).toEqual(DELEGATION.values))
  test('exports these types', () => expect(typesOf('src/delegation/index.ts', delegation)).toEqual(DELEGATION.types))
})

describe('mcp-budget/redis', () => {
  test('exports these values', () => expect(Object.keys(redis).sort()).toEqual(REDIS.values))
  test('exports these types', () => expect(typesOf('src/backends/redis/index.ts', redis)).toEqual(REDIS.types))
})

describe('mcp-budget/testing', () => {
  test('exports these values', () => expect(Object.keys(testing).sort()).toEqual(TESTING.values))
  test('exports these types', () => expect(typesOf('src/testing/index.ts', testing)).toEqual(TESTING.types))
})

describe('package.json', () => {
  const { exports, dependencies, engines } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, unknown>

  test('exports these entries, each with types of its own for import and require', () => {
    expect(exports).toEqual({
      '.': {
        import: { types: './dist/index.d.ts', default: './dist/index.js' },
        require: { types: './dist/index.d.cts', default: './dist/index.cjs' },
      },
      './delegation': {
        import: { types: './dist/delegation.d.ts', default: './dist/delegation.js' },
        require: { types: './dist/delegation.d.cts', default: './dist/delegation.cjs' },
      },
      './redis': {
        import: { types: './dist/redis.d.ts', default: './dist/redis.js' },
        require: { types: './dist/redis.d.cts', default: './dist/redis.cjs' },
      },
      './testing': {
        import: { types: './dist/testing.d.ts', default: './dist/testing.js' },
        require: { types: './dist/testing.d.cts', default: './dist/testing.cjs' },
      },
      './package.json': './package.json',
    })
  })

  test('asks for one dependency and Node 20.19', () => {
    expect({ dependencies, engines }).toEqual({
      dependencies: { eventemitter3: '^5.0.1' },
      engines: { node: '>=20.19.0' },
    })
  })
})

/** The names that the compiler sees in an entry, and a running program does not. */
function typesOf(file: string, values: object): string[] {
  const checker = program.getTypeChecker()
  const symbol = checker.getSymbolAtLocation(program.getSourceFile(file)!)!
  const names = checker.getExportsOfModule(symbol).map((found) => found.name)
  return names.filter((name) => !(name in values)).sort()
}
