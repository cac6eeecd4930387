import { describe, expect, test } from 'vitest'
import { isLinearizable, type Operation, type SequentialModel } from '../support/linearizability.js'

/** A number that is taken from, if there is enough. */
const counter: SequentialModel<number, number, boolean> = {
  initial: 10,
  step: (left, take, taken) => (taken === take <= left ? left - (taken ? take : 0) : undefined),
  key: String,
}
const op = (input: number, output: boolean, from: number, till: number): Operation<number, boolean> => ({
  input,
  output,
  from,
  till,
})

describe('the checker of histories', () => {
  test.each([
    ['nothing', []],
    ['one after the other', [op(6, true, 0, 1), op(6, false, 2, 3), op(4, true, 4, 5)]],
    ['two at once, the second first', [op(6, false, 0, 5), op(6, true, 1, 2)]],
    ['many at once', Array.from({ length: 16 }, (_, n) => op(1, n < 10, 0, 9))],
    ['one that lasts, between two others', [op(4, true, 0, 9), op(6, true, 1, 2), op(1, false, 3, 9)]],
  ])('accepts %s', (_, history) => {
    expect(isLinearizable(history, counter)).toBe(true)
  })

  test.each([
    ['more than there is', [op(6, true, 0, 9), op(6, true, 0, 9)]],
    ['a refusal of what is there', [op(6, false, 0, 1)]],
    ['a refusal that came before what would explain it', [op(6, false, 0, 1), op(6, true, 2, 3)]],
    ['one too many of many at once', Array.from({ length: 16 }, (_, n) => op(1, n < 11, 0, 9))],
    ['one too few of many at once', Array.from({ length: 16 }, (_, n) => op(1, n < 9, 0, 9))],
  ])('rejects %s', (_, history) => {
    expect(isLinearizable(history, counter)).toBe(false)
  })
})
