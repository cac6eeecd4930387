import type { CallOutcome } from './outcome.js'
import type { JsonObject } from './json.js'
import type { MaybePromise } from './maybe-promise.js'
import type { Refusal } from './refusal.js'
import type { ToolCall } from './call.js'

/**
 * A step around a call: two phases and three ears. No closure lives from one phase to the other, because at a transport
 * the end of a call comes later, and that of a task perhaps in another process.
 *
 * `Needs` is what earlier steps must have added to the call, `Gives` what this one adds; `compose` checks the order
 * by type, and by `needs` and `gives` when it runs.
 *
 * @example
 * ```ts
 * const audit: CallMiddleware = {
 *   name: 'audit',
 *   leave(call, outcome) { console.log(call.tool, outcome.proves); return outcome },
 * }
 * ```
 */
export interface CallMiddleware<Needs = unknown, Gives = unknown> {
  /** Names the step in errors. */
  readonly name: string
  /** For the compiler only, never set: carries `Needs` and `Gives`. */
  readonly types?: { readonly needs: Needs; readonly gives: Gives }
  /** The keys of `Needs`, for the check at run time. */
  readonly needs?: readonly string[]
  /** The keys of `Gives`. */
  readonly gives?: readonly string[]
  /** Keys that it uses where they are given: a step that gives one may not come after it. */
  readonly uses?: readonly string[]
  /** The only side that it can be on, where that is one: the steps of a server's tools must not attach what a client sends. */
  readonly side?: 'client'
  /**
   * Before the call, first to last. Answers with the call, with more on it, or with a refusal. A throw refuses the
   * call as `step_failed`.
   */
  enter?(call: ToolCall & Needs): MaybePromise<(ToolCall & Needs & Gives) | Refusal>
  /**
   * After the call, last to first, exactly once for every step whose `enter` passed, also when a later step refused.
   * May answer with a changed outcome. A throw is counted and ignored.
   */
  leave?(call: ToolCall & Needs & Gives, outcome: CallOutcome): MaybePromise<CallOutcome>
  /**
   * What keeps a hold alive while its call is pending: first after `extendEveryMs`, then twice in each such time, so
   * that one that failed is made up for. A throw is ignored.
   */
  extend?(call: ToolCall & Needs & Gives): void
  /** When `extend` is first due, in milliseconds. */
  readonly extendEveryMs?: number
  /**
   * This library's own methods that a server's seat answers by this step, and does not hand on: what came is a call
   * whose tool is the method and whose arguments are its parameters. Answers with the result, or with a refusal. A
   * throw is the refusal `step_failed`. The signal is aborted when nobody waits for the answer any more.
   */
  readonly methods?: Readonly<
    Record<string, (request: ToolCall, signal?: AbortSignal) => MaybePromise<JsonObject | Refusal>>
  >
  /**
   * Says who asks for one of this library's own methods, or for what a step screens, before any step answers or lets it
   * pass: with the request, with more on it, or with a refusal. Steps are asked first to last. A throw is the refusal
   * `step_failed`.
   */
  admit?(request: ToolCall): MaybePromise<ToolCall | Refusal>
  /**
   * Whether a step that touches money only watches. Where all such steps do, the seat neither changes nor answers any
   * message.
   */
  readonly shadow?: boolean
  /**
   * The same step where all money is only watched: one that lets pass what it would refuse, and tells of it. Without it
   * a step stays as it is.
   */
  inShadow?(): CallMiddleware<Needs, Gives>
  /** Other messages that pass the seat and may carry evidence. A throw is counted and ignored. */
  observe?(message: ObservedMessage): void
  /**
   * What is heard of a task that an earlier call became, last to first as `leave`: that it goes on (`task`), or how it
   * ended. The call is what was kept of it, perhaps by another process: without arguments, `_meta` and `auth`. A throw
   * is counted and ignored.
   */
  task?(call: ToolCall & Needs & Gives, outcome: CallOutcome): MaybePromise<CallOutcome>
  /** Who pays for a call, before anything is held: the full id of the first budget. Throws where nobody can say. */
  payer?(call: ToolCall): string
  /** Told by each engine that runs this step, with what the step may ask of those around it. */
  attach?(peers: Peers): void
  /**
   * Requests of others that a server's seat hands on only when this step lets them pass: what came is a call whose tool
   * is the method and whose arguments are its parameters. A function is shown the answer, and gives the one to send
   * instead. A throw is the refusal `step_failed`. In shadow mode nobody is asked.
   */
  readonly screens?: Readonly<Record<string, (request: ToolCall) => MaybePromise<Screening>>>
  /**
   * What `tools/list` shows: given the tools of each such result that passes the seat, answers with those to show
   * instead; last to first, as `leave`. A throw is counted and the tools are shown as they came.
   */
  listTools?(listing: ToolListing): readonly JsonObject[]
}

/** The tools of one `tools/list` result, as they pass the seat; not to be changed. */
export interface ToolListing {
  readonly tools: readonly JsonObject[]
  readonly server: string | undefined
  /** Whose seat it is: a server's tells its clients of itself, a client's changes nothing that it need not. */
  readonly side: 'client' | 'server'
}

/** A message that is not a governed call, as it passes the seat; not to be changed. */
export interface ObservedMessage {
  readonly message: JsonObject
  /** `out` where it is sent through the transport, `in` where it comes. */
  readonly direction: 'in' | 'out'
  readonly server: string | undefined
  /** Who sent it: only a server says what became of a call. */
  readonly from: 'client' | 'server'
  /** The same object for all messages of one transport: ids of requests mean nothing beyond it. */
  readonly link: object
}

/** What a step may ask of the steps around it. */
export interface Peers {
  /** Who pays for a call; `undefined` where no step says so, or it cannot be said. */
  payer(call: ToolCall): string | undefined
  /** Tells the steps what is heard of a task. */
  task(call: ToolCall, outcome: CallOutcome): MaybePromise<CallOutcome>
}

/** Whether a request passes: not, as it is, or with its answer changed. */
export type Screening = Refusal | undefined | ((answer: JsonObject) => MaybePromise<JsonObject>)

/** What a step needs on the call. */
export type NeedsOf<Step> = Step extends { readonly types?: { readonly needs: infer Needs } } ? Needs : unknown

/** What a step adds to the call. */
export type GivesOf<Step> = Step extends { readonly types?: { readonly gives: infer Gives } } ? Gives : unknown

/** What the compiler shows in place of a step that stands before what it needs. */
export interface WrongOrder<Needs> {
  readonly 'this step needs what no earlier step gives': Needs
}

/** The same steps where each one's needs are given by those before it; a {@link WrongOrder} where they are not. */
export type Ordered<Steps extends readonly unknown[], Has = unknown> = Steps extends readonly [
  infer First,
  ...infer Rest,
]
  ? [Has extends NeedsOf<First> ? First : WrongOrder<NeedsOf<First>>, ...Ordered<Rest, Has & GivesOf<First>>]
  : Steps

/** A list of steps in an order that works; the first listed is outermost. */
export type Steps<List extends readonly CallMiddleware[]> = List & Ordered<List>
