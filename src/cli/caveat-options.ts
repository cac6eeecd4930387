import { amountOf, shown } from './amount.js'
import { text, texts, type Option, type Options } from './command.js'
import { usage } from './cli-error.js'
import { whenOf } from './when.js'
import type { ArgRule, Caveats, TokenOp } from 'mcp-budget/delegation'

/** What a token is narrowed to: an option for each key of `Caveats`, but `exp`, which each command words itself. */
export const CAVEAT_OPTIONS: readonly Option[] = [
  { flags: '--nbf <when>', meaning: 'when it begins: `30m` from now, or a time' },
  { flags: '--ops <list>', meaning: 'what it may be used for: call,balance,delegate,transfer,close,revoke' },
  { flags: '--depth <number>', meaning: 'how many times credits may be delegated, from 0 to 16' },
  { flags: '--max <credits>', meaning: 'the most that is spent and delegated through it, in all' },
  { flags: '--call <credits>', meaning: 'the most that is held for one call' },
  { flags: '--calls <number>', meaning: 'how many calls, in all' },
  { flags: '--rate <calls/seconds>', meaning: 'how fast, such as 10/60' },
  { flags: '--tool <patterns>', meaning: 'only these tools, such as web_*,db:read' },
  { flags: '--deny <patterns>', meaning: 'none of these tools' },
  { flags: '--arg <rule>', meaning: 'a rule for arguments, as JSON; may be given more than once', many: true },
  { flags: '--ten <tenant>', meaning: 'only for this tenant' },
  { flags: '--aud <gateway>', meaning: 'only at the gateway of this name' },
  { flags: '--task <id>', meaning: 'only for the work with this operation id' },
  { flags: '--sid <hash>', meaning: 'only in the session whose id has this SHA-256' },
  { flags: '--cnf <hash>', meaning: 'only with proof of the key that has this SHA-256' },
]

/**
 * The caveats that the options ask for. Whether a gateway could read them is judged where they are written.
 *
 * @throws CliError `usage`
 */
export function caveatsOf(options: Options, now: number): Caveats {
  const count = (name: string): number | undefined =>
    given(options, name, (typed) => amountOf(typed, { what: `\`--${name}\`` }))
  const list = (name: string): readonly string[] | undefined => given(options, name, (typed) => typed.split(','))
  const asked = {
    exp: given(options, 'exp', (typed) => secondsOf(typed, '--exp', now)),
    nbf: given(options, 'nbf', (typed) => secondsOf(typed, '--nbf', now)),
    ops: list('ops') as readonly TokenOp[] | undefined,
    depth: count('depth'),
    max: count('max'),
    call: count('call'),
    calls: count('calls'),
    rate: given(options, 'rate', rateOf),
    tool: list('tool'),
    deny: list('deny'),
    arg: texts(options, 'arg')?.map(ruleOf),
    ...Object.fromEntries(['ten', 'aud', 'task', 'sid', 'cnf'].map((name) => [name, text(options, name)])),
  }
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined))
}

function given<Value>(options: Options, name: string, read: (typed: string) => Value): Value | undefined {
  const typed = text(options, name)
  return typed === undefined ? undefined : read(typed)
}

function secondsOf(typed: string, what: string, now: number): number {
  return Math.floor(whenOf(typed, { what: `\`${what}\``, now, direction: 'from now' }) / 1_000)
}

function rateOf(typed: string): { calls: number; seconds: number } {
  const [calls = '', seconds = '', ...more] = typed.split('/')
  if (seconds === '' || more.length > 0)
    throw usage(`Expected \`--rate\` as calls/seconds, such as 10/60, got ${shown(typed)}`)
  return {
    calls: amountOf(calls, { what: 'the calls of `--rate`' }),
    seconds: amountOf(seconds, { what: 'the seconds of `--rate`' }),
  }
}

function ruleOf(typed: string): ArgRule {
  try {
    return JSON.parse(typed) as ArgRule
  } catch {
    const example = '{"tool":"db_*","at":"/table","eq":"users"}'
    throw usage(`Expected \`--arg\` to be JSON such as '${example}', got a text that is none`)
  }
}
