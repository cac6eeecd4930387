import { readFileSync } from 'node:fs'
import ts from 'typescript'
import { beforeAll, describe, expect, test } from 'vitest'
import * as audit from '../../src/audit/index.js'
import * as delegation from '../../src/delegation/index.js'
import * as drain from '../../src/ledger/drain/index.js'
import * as leases from '../../src/leases/index.js'
import * as postgres from '../../src/backends/postgres/index.js'
import * as redis from '../../src/backends/redis/index.js'
import * as root from '../../src/index.js'
import * as sqlite from '../../src/backends/sqlite/index.js'
import * as testing from '../../src/testing/index.js'

/*
 * What the package exports, by name. A name that goes breaks somebody; a name that comes must be kept for years. So
 * both change this list, by hand, and the CHANGELOG.
 */
const ROOT = {
  // prettier-ignore
  values: [
    'BudgetClient', 'BudgetError', 'BudgetEvents', 'CutoverReport', 'InMemoryBudgetEnforcer',
    'InMemoryTaskStore', 'KeyRing', 'MAX_CREDITS', 'MemoryLedger', 'REFUSALS', 'TASK_LIMITS', 'assertMetered',
      'budgetId', 'callDigest', 'canDelegate', 'canHold', 'canLease', 'compileCostProfile', 'compose', 'composeWith', 'decimalToCredits', 'endHold', 'exportLedger', 'isCredits', 'isMetered', 'meter', 'middleware', 'readLedger', 'refusalOf', 'refuse',
    'replay', 'report', 'systemClock', 'toolDigest', 'withBudget', 'withCostProfile', 'withDelegation',
    'withLedger', 'withTaskTracking', 'withToolPins', 'wrapClient', 'wrapServer', 'wrapServerFactory',
    'wrapTool', 'wrapTransport',
  ],
  // prettier-ignore
  types: [
    'AmendRequest', 'AttachOptions', 'Attempt', 'AttemptKey', 'AttemptReport', 'Authority', 'Authorized',
    'Balance', 'BalanceChange', 'BalanceView', 'Balances', 'BeginRequest', 'BeginResult', 'BindRequest', 'BindResult',
    'BudgetClientOptions', 'BudgetEnforcer', 'BudgetErrorCode', 'BudgetEventMap', 'BudgetEventName',
    'BudgetId', 'BudgetLine', 'BudgetMeter', 'BudgetMiddleware', 'BudgetOptions', 'BudgetResult', 'BudgetSpec',
    'BudgetView', 'CalendarWindow', 'CallAuth', 'CallHold', 'CallInput', 'CallMiddleware', 'CallOutcome',
    'CallRecord', 'CallRef', 'CallTask', 'CallTotals', 'CaptureRequest', 'CaptureResult', 'Charge', 'ChargeId',
    'ClientLike', 'Clock', 'CloseParams', 'CloseRequest', 'CloseResult', 'Cost', 'CostProfile',
    'CostProfileOptions', 'Credits', 'CutoverCount', 'CutoverReportOptions', 'CutoverSum', 'CutoverSummary',
    'DelegateOptions', 'DelegateParams', 'DelegatingEnforcer', 'Delegation', 'DelegationCaps',
    'DelegationOptions', 'DueTasks', 'DurationWindow', 'EndRequest', 'EndResult', 'EnforcerReason',
    'ErrorOutcome', 'ExtendRequest', 'ExtendResult', 'FailMode', 'Failure', 'FinishRequest', 'FoldedCalls',
    'GovernableMethod', 'GrantRequest', 'GroupedLedger', 'Held', 'HoldEnd', 'HoldEvent', 'HoldLine', 'HoldMeta', 'HoldRequest',
    'HoldResult', 'HoldState', 'HoldingEnforcer', 'Identified', 'InMemoryBudgetEnforcerOptions',
      'InMemoryTaskStoreOptions', 'InputOutcome', 'JsonObject', 'KeyRingOptions', 'LeaseRequest', 'LeaseResult', 'LeasingEnforcer', 'Ledger', 'LedgerMiddleware', 'LedgerOptions', 'LedgerPage', 'LedgerQuery', 'LedgerRecord', 'LineWindow', 'LostOutcome', 'MasterKey', 'MatchedPrice', 'MaybePromise', 'Meter',
    'MeterOptions', 'MeteredRule', 'Metering', 'Mode', 'MoneyEntry', 'MoneyOp', 'MoneySink', 'MoveResult',
    'NewBudget', 'NoAuthOptions', 'NumberedLedger', 'NumberedRecord', 'ObservedMessage', 'OnExpire', 'Operation', 'OperationReport', 'OperationView', 'Ordered',
    'OutcomePrices', 'Overage', 'PageRequest', 'PagedLedger', 'Payer', 'Peers', 'Prefix', 'PrefixLimit', 'Price', 'PriceCharge',
    'PriceFunction', 'PriceMatch', 'PriceMetering', 'PriceRule', 'PriceSource', 'Priced', 'PricedRule',
    'Principal', 'PrincipalBudgetOptions', 'Proof', 'Rate', 'ReconcileResult', 'Refusal', 'RefusalCodes', 'RefusalData',
    'RefusalReason', 'RefusalReasons', 'RefusalSlug', 'RefusedCall', 'RefusedOutcome', 'Registration',
      'ReleaseRequest', 'ReleaseResult', 'RenewRequest', 'RenewResult', 'Report', 'ReportSums', 'RequestKey', 'RequestingClient', 'ResultOutcome',
    'RetiredKey', 'RetryCostMode', 'RetryPolicy', 'RevokeParams', 'RevokeRequest', 'RevokeResult', 'Revoked',
    'SchemaResult', 'Screening', 'SealKey', 'SeatOptions', 'SecretAuthOptions', 'ServerCosts', 'ServerFactory',
    'ServerLike', 'SettleRequest', 'SettleResult', 'SpendRequest', 'StandardSchemaV1', 'TaskBinding', 'TaskEnd', 'TaskEndKind', 'TaskFate',
    'TaskName', 'TaskOutcome', 'TaskRef', 'TaskStore', 'TaskTerms', 'TaskTrackingMiddleware',
    'TaskTrackingOptions', 'TokenAuthOptions', 'ToolCall', 'ToolHandler', 'ToolListing', 'ToolPinList',
    'ToolPinsOptions', 'Tracked', 'TransferRequest', 'TransportLike', 'Unpriced', 'UsedLimit',
    'WantedDelegation', 'WindowSpan', 'WindowSpec', 'WindowUnit', 'WrongOrder',
  ],
}
const AUDIT = {
  // prettier-ignore
  values: [
    'LedgerSealer', 'MemorySeals', 'chainRecords', 'checkpointHash', 'fileSink', 'generateKeys', 'publicKey',
    'readCheckpoints', 'signingKey', 'unendedCalls', 'verifyLedger',
  ],
  // prettier-ignore
  types: [
    'BadCheckpoint', 'BalanceSource', 'BookEnd', 'BookPage', 'BookPageRequest', 'BookedBudget', 'BookedHold',
    'BookedView', 'BreakReason', 'Broken', 'ChainKind', 'ChainName', 'ChainPlace', 'ChainRecord', 'Checkpoint',
    'CheckpointFault', 'CheckpointOptions', 'CheckpointSink', 'KeyPair', 'LedgerSealerOptions', 'MoneyFault',
    'PublicKey', 'Seal', 'SealStore', 'SigningKey', 'StoreBooks', 'Truncated', 'Unbalanced', 'Verification',
    'VerificationFault', 'Verified', 'VerifyOptions', 'WholeChain',
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
const DRAIN = {
  values: ['drainLedger', 'jsonlSink', 'readDrained'],
  types: ['Book', 'DrainBatch', 'DrainGap', 'DrainOptions', 'DrainPlace', 'DrainSink', 'DrainedRecord'],
}
const POSTGRES = {
  values: ['PostgresBudgetEnforcer'],
  types: ['PostgresBudgetEnforcerOptions', 'PostgresClient', 'PostgresPool', 'PostgresStatement', 'SchemaVersions'],
}
const SQLITE = {
  values: ['SqliteBudgetEnforcer'],
  types: ['SchemaVersions', 'SqliteBudgetEnforcerOptions', 'SqliteHandle', 'SqliteStatement'],
}
const REDIS = {
  values: ['RedisBudgetEnforcer', 'RedisTaskStore', 'ioredisPort', 'nodeRedisClusterPort', 'nodeRedisPort'],
  // prettier-ignore
  types: [
    'IoredisLike', 'NodeRedisClusterLike', 'NodeRedisLike', 'RedisBudgetEnforcerOptions', 'RedisLedger', 'RedisPlace',
    'RedisPort', 'RedisTaskStoreOptions',
  ],
}
const LEASES = {
  values: ['LeasedEnforcer', 'readJournal'],
  types: ['LeaseJournal', 'LeasedEnforcerOptions'],
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
  const entries = [
    'src/index.ts',
    'src/audit/index.ts',
    'src/delegation/index.ts',
    'src/leases/index.ts',
    'src/ledger/drain/index.ts',
    'src/testing/index.ts',
  ]
  const stores = ['src/backends/postgres/index.ts', 'src/backends/redis/index.ts', 'src/backends/sqlite/index.ts']
  program = ts.createProgram([...entries, ...stores], options)
}, 60_000)

describe('mcp-budget', () => {
  test('exports these values', () => expect(Object.keys(root).sort()).toEqual(ROOT.values))
  test('exports these types', () => expect(typesOf('src/index.ts', root)).toEqual(ROOT.types))
})

describe('mcp-budget/audit', () => {
  test('exports these values', () => expect(Object.keys(audit).sort()).toEqual(AUDIT.values))
  test('exports these types', () => expect(typesOf('src/audit/index.ts', audit)).toEqual(AUDIT.types))
})

describe('mcp-budget/delegation', () => {
  test('exports these values', () => expect(Object.keys(delegation).sort()).toEqual(DELEGATION.values))
  test('exports these types', () => expect(typesOf('src/delegation/index.ts', delegation)).toEqual(DELEGATION.types))
})

describe('mcp-budget/drain', () => {
  test('exports these values', () => expect(Object.keys(drain).sort()).toEqual(DRAIN.values))
  test('exports these types', () => expect(typesOf('src/ledger/drain/index.ts', drain)).toEqual(DRAIN.types))
})

describe('mcp-budget/postgres', () => {
  test('exports these values', () => expect(Object.keys(postgres).sort()).toEqual(POSTGRES.values))
  test('exports these types', () => expect(typesOf('src/backends/postgres/index.ts', postgres)).toEqual(POSTGRES.types))
})

describe('mcp-budget/sqlite', () => {
  test('exports these values', () => expect(Object.keys(sqlite).sort()).toEqual(SQLITE.values))
  test('exports these types', () => expect(typesOf('src/backends/sqlite/index.ts', sqlite)).toEqual(SQLITE.types))
})

describe('mcp-budget/redis', () => {
  test('exports these values', () => expect(Object.keys(redis).sort()).toEqual(REDIS.values))
  test('exports these types', () => expect(typesOf('src/backends/redis/index.ts', redis)).toEqual(REDIS.types))
})

describe('mcp-budget/leases', () => {
  test('exports these values', () => expect(Object.keys(leases).sort()).toEqual(LEASES.values))
  test('exports these types', () => expect(typesOf('src/leases/index.ts', leases)).toEqual(LEASES.types))
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
      './audit': {
        import: { types: './dist/audit.d.ts', default: './dist/audit.js' },
        require: { types: './dist/audit.d.cts', default: './dist/audit.cjs' },
      },
      './delegation': {
        import: { types: './dist/delegation.d.ts', default: './dist/delegation.js' },
        require: { types: './dist/delegation.d.cts', default: './dist/delegation.cjs' },
      },
      './drain': {
        import: { types: './dist/drain.d.ts', default: './dist/drain.js' },
        require: { types: './dist/drain.d.cts', default: './dist/drain.cjs' },
      },
      './postgres': {
        import: { types: './dist/postgres.d.ts', default: './dist/postgres.js' },
        require: { types: './dist/postgres.d.cts', default: './dist/postgres.cjs' },
      },
      './sqlite': {
        import: { types: './dist/sqlite.d.ts', default: './dist/sqlite.js' },
        require: { types: './dist/sqlite.d.cts', default: './dist/sqlite.cjs' },
      },
      './redis': {
        import: { types: './dist/redis.d.ts', default: './dist/redis.js' },
        require: { types: './dist/redis.d.cts', default: './dist/redis.cjs' },
      },
      './leases': {
        import: { types: './dist/leases.d.ts', default: './dist/leases.js' },
        require: { types: './dist/leases.d.cts', default: './dist/leases.cjs' },
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
