import { describe, expect, test } from 'vitest'
import { Answers } from '../../../../src/backends/memory/answers.js'

describe('Answers', () => {
  test('gives the first answer to the same payload, and id_reused to another [I5] [L-P8]', () => {
    const answers = new Answers<string>()
    expect(answers.find('a', 'p')).toBeUndefined()
    expect(answers.remember('a', 'p', 'first', 0)).toBe('first')
    expect(answers.find('a', 'p')).toBe('first')
    expect(answers.find('a', 'q')).toBe('id_reused')
    expect(answers.find('b', 'p')).toBeUndefined()
  })

  test('keeps an answer for ten minutes, and forgets it at the next one after that [L-P23]', () => {
    const answers = new Answers<string>()
    answers.remember('a', 'p', 'first', 1_000)
    answers.remember('b', 'p', 'second', 600_999)
    expect(answers.find('a', 'p')).toBe('first')
    answers.remember('c', 'p', 'third', 601_000)
    expect(answers.find('a', 'p')).toBeUndefined()
    expect(answers.find('b', 'p')).toBe('second')
  })

  test('keeps the last 100,000 and no more [I20] [L-P23]', () => {
    const answers = new Answers<number>()
    for (let n = 0; n < 250_000; n++) answers.remember(`id-${n}`, 'p', n, 0)
    const kept = Array.from({ length: 250_000 }, (_, n) => answers.find(`id-${n}`, 'p')).filter((n) => n !== undefined)
    expect(kept).toHaveLength(100_000)
    expect(kept[0]).toBe(150_000)
  })

  test('keeps ids that are keys of every object apart [T17]', () => {
    const answers = new Answers<string>()
    expect(answers.find('__proto__', 'p')).toBeUndefined()
    expect(answers.find('constructor', 'p')).toBeUndefined()
    answers.remember('__proto__', 'p', 'first', 0)
    expect(answers.find('__proto__', 'p')).toBe('first')
  })
})
