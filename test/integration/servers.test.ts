import { connect } from 'node:net'
import { expect, inject, test } from 'vitest'

/** What a server says first, when it is told something. */
function ask(url: string, words: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(Buffer.from(words, 'latin1')))
    socket.once('error', reject)
    socket.once('data', (data) => {
      socket.destroy()
      resolve(data.toString('latin1'))
    })
  })
}

test('a Redis answers at the address that tests are given', async () => {
  expect(await ask(inject('redisUrl'), 'INFO server\r\n')).toMatch(/redis_version|NOAUTH/)
})

test('a PostgreSQL answers at the address that tests are given', async () => {
  // The request for an encrypted connection: it answers with yes or no.
  expect(await ask(inject('postgresUrl'), '\0\0\0\x08\x04\xd2\x16\x2f')).toMatch(/^[SN]/)
})
