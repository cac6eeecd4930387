import { guardOf, type Guard, type Guarding } from './guard.js'
import { fileJournal } from './journal.js'

/** The guard that `stdioLink` told this process of, if any. */
export function guardOfParent(): Guard {
  const told = process.env['GUARDING']
  return guardOf(told === undefined ? undefined : (JSON.parse(told) as Guarding))
}

/** The journal that `stdioLink` told this process of. */
export function journalOfParent(): ReturnType<typeof fileJournal> {
  const file = process.env['JOURNAL']
  if (file === undefined) throw new Error('this server is started by stdioLink')
  return fileJournal(file)
}
