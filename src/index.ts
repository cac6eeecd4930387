export { withBudget, type BudgetMiddleware } from './budget/with-budget.js'
export type { BudgetOptions, FailMode, Mode, PrincipalBudgetOptions } from './budget/options.js'
export type { Identified, Principal } from './budget/principal.js'
export {
  CutoverReport,
  type CutoverCount,
  type CutoverReportOptions,
  type CutoverSum,
  type CutoverSummary,
  type RefusedCall,
} from './budget/cutover-report.js'
export type { BudgetLine, BudgetSpec } from './budget/lines.js'
export type { CalendarWindow, DurationWindow, WindowSpec, WindowUnit } from './budget/window.js'
export type { CallHold, Held } from './budget/call-hold.js'
export { budgetId, type BudgetId } from './budget/budget-id.js'
export type { Authority, Authorized, Prefix, PrefixLimit, Rate, Registration, UsedLimit } from './budget/authority.js'
export {
  canLease,
  type LeaseRequest,
  type LeaseResult,
  type LeasingEnforcer,
  type ReconcileResult,
  type RenewRequest,
  type RenewResult,
  type SettleRequest,
  type SettleResult,
} from './budget/lease.js'
export type { DelegationCaps, NewBudget, Revoked, RevokeRequest, RevokeResult } from './budget/moves.js'
export {
  canDelegate,
  canHold,
  type BudgetEnforcer,
  type BudgetResult,
  type BudgetView,
  type CaptureRequest,
  type CaptureResult,
  type CloseRequest,
  type CloseResult,
  type DelegatingEnforcer,
  type EnforcerReason,
  type ExtendRequest,
  type ExtendResult,
  type GrantRequest,
  type HoldingEnforcer,
  type HoldLine,
  type HoldMeta,
  type HoldRequest,
  type HoldResult,
  type LineWindow,
  type MoveResult,
  type ReleaseRequest,
  type ReleaseResult,
  type SpendRequest,
  type TransferRequest,
  type WindowSpan,
} from './budget/enforcer.js'
export {
  endHold,
  type Balance,
  type BalanceChange,
  type HoldEnd,
  type HoldEvent,
  type HoldState,
  type OnExpire,
  type Overage,
} from './budget/hold.js'
export {
  InMemoryBudgetEnforcer,
  type InMemoryBudgetEnforcerOptions,
} from './backends/memory/in-memory-budget-enforcer.js'
export type { MoneySink } from './backends/engine/book.js'

export { withDelegation, type DelegationOptions } from './delegation/with-delegation.js'
export { KeyRing, type KeyRingOptions, type MasterKey, type RetiredKey } from './delegation/key-ring.js'
export type { AttachOptions } from './delegation/attach-token.js'
export type { CloseParams, DelegateParams, RevokeParams } from './delegation/method-params.js'
export type { NoAuthOptions } from './delegation/no-auth.js'
export type { SecretAuthOptions } from './delegation/secret-auth.js'
export type { TokenAuthOptions, WantedDelegation } from './delegation/options.js'

export { InMemoryTaskStore, type InMemoryTaskStoreOptions } from './backends/memory/in-memory-task-store.js'
export { withTaskTracking, type TaskTrackingMiddleware } from './tasks/with-task-tracking.js'
export type { TaskTrackingOptions } from './tasks/settings.js'
export type { RetryPolicy } from './tasks/retry-policy.js'
export type { CallTask, Operation, RetryCostMode, TaskEndKind, TaskFate, TaskTerms, Tracked } from './core/operation.js'
export {
  TASK_LIMITS,
  type AmendRequest,
  type Attempt,
  type AttemptKey,
  type BeginRequest,
  type BeginResult,
  type BindRequest,
  type BindResult,
  type DueTasks,
  type EndRequest,
  type EndResult,
  type Failure,
  type FinishRequest,
  type TaskBinding,
  type TaskEnd,
  type TaskName,
  type TaskRef,
  type TaskStore,
} from './tasks/task-store.js'

export { withLedger, type LedgerMiddleware, type LedgerOptions } from './ledger/with-ledger.js'
export { MemoryLedger } from './ledger/memory-ledger.js'
export { exportLedger } from './ledger/export-ledger.js'
export { readLedger } from './ledger/read-ledger.js'
export { replay } from './ledger/replay.js'
export { report, type Report, type ReportSums } from './ledger/report.js'
export type { CallTotals } from './ledger/call-sums.js'
export type { AttemptReport, Cost, OperationReport } from './ledger/operations.js'
export type { CallRecord, FoldedCalls, LedgerRecord, MoneyEntry, MoneyOp } from './ledger/entry.js'
export type {
  GroupedLedger,
  Ledger,
  LedgerPage,
  LedgerQuery,
  NumberedLedger,
  NumberedRecord,
  PagedLedger,
  PageRequest,
} from './ledger/ledger.js'

export { compose, composeWith, type Meter } from './core/compose.js'
export { middleware } from './core/adapt.js'
export type {
  CallMiddleware,
  ObservedMessage,
  Ordered,
  Peers,
  Screening,
  ToolListing,
  WrongOrder,
} from './core/middleware.js'
export type { CallInput, ToolCall } from './core/call.js'
export type {
  CallOutcome,
  Charge,
  ErrorOutcome,
  InputOutcome,
  LostOutcome,
  Proof,
  RefusedOutcome,
  ResultOutcome,
  TaskOutcome,
} from './core/outcome.js'
export {
  refuse,
  REFUSALS,
  type Refusal,
  type RefusalReason,
  type RefusalReasons,
  type RefusalSlug,
} from './core/refusal.js'
export type { CallAuth } from './core/auth.js'
export { BudgetError, type BudgetErrorCode } from './core/errors.js'
export { BudgetEvents, type BudgetEventMap, type BudgetEventName, type CallRef } from './core/events.js'
export { callDigest } from './core/digest.js'
export { decimalToCredits, isCredits, MAX_CREDITS, type Credits } from './core/credits.js'
export { systemClock, type Clock } from './core/clock.js'
export type { ChargeId } from './core/ids.js'
export type { JsonObject } from './core/json.js'
export type { MaybePromise } from './core/maybe-promise.js'
export type { Price, PriceCharge, Priced, PriceMetering, PriceSource } from './core/price.js'

export { withCostProfile } from './pricing/with-cost-profile.js'
export {
  compileCostProfile,
  type CostProfile,
  type CostProfileOptions,
  type ServerCosts,
  type Unpriced,
} from './pricing/cost-profile.js'
export type {
  Metering,
  MeteredRule,
  OutcomePrices,
  PricedRule,
  PriceFunction,
  PriceRule,
} from './pricing/price-rule.js'
export { toolDigest, type ToolPinList } from './pricing/tool-pins.js'
export { withToolPins, type ToolPinsOptions } from './pricing/with-tool-pins.js'
export type { MatchedPrice } from './pricing/compile-rule.js'
export type { PriceMatch } from './pricing/price-list.js'
export type { SchemaResult, StandardSchemaV1 } from './pricing/standard-schema.js'

export {
  BudgetClient,
  type Balances,
  type BalanceView,
  type BudgetClientOptions,
  type DelegateOptions,
  type Delegation,
  type OperationView,
  type RequestingClient,
  type RequestKey,
} from './mcp/budget-client.js'
export { assertMetered, wrapClient } from './mcp/wrap-client.js'
export { wrapTool, type ToolHandler } from './mcp/wrap-tool.js'
export { isMetered } from './mcp/metered-transport.js'
export { wrapServer, wrapServerFactory, type ServerFactory } from './mcp/wrap-server.js'
export { wrapTransport } from './mcp/wrap-transport.js'
export { refusalOf, type RefusalCodes, type RefusalData } from './mcp/refusal.js'
export type { SeatOptions } from './mcp/seat.js'
export type { ClientLike, ServerLike, TransportLike } from './mcp/wire.js'
export type { GovernableMethod } from './mcp/methods.js'
export type { SealKey } from './mcp/seal.js'

export { meter, type BudgetMeter, type MeterOptions, type Payer } from './meter.js'
