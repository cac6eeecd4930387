import { verdict, type Finding } from './goal.js'

/** One finding as a line. */
export function lineOf(finding: Finding): string {
  const { what, value, unit, goal, control, note } = finding
  const said = verdict(finding)
  const parts = [
    `  ${what.padEnd(52)} ${shown(value, unit).padStart(10)}`,
    goal === undefined ? '' : `goal ≤ ${shown(goal, unit)}`,
    said === 'void' ? 'VOID: the control is off, measure again' : said,
    control === undefined ? '' : `A/A ${control.map((ratio) => ratio.toFixed(3)).join(' ')}`,
    note ?? '',
  ]
  return parts.filter((part) => part !== '').join('   ')
}

function shown(value: number, unit: Finding['unit']): string {
  if (unit === '×') return `${value.toFixed(value < 0.1 ? 4 : 3)}×`
  return unit === '' ? String(value) : `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`
}
