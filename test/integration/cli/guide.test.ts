import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { blocksOf, type Block } from '../../docs/blocks.js'
import { agentAtWork, agentKilled } from '../../support/cli-ledger.js'
import { cliFolder, shell } from '../../support/cli-process.js'

const PAGE = 'docs/guides/command-line.md'

/** A block of commands, and what the page says that they print. */
interface Step {
  readonly commands: Block
  readonly printed: Block | undefined
}

/** What differs each time, or with each release: ids, times, how long ago, versions of tables. */
function masked(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g, '<id>')
    .replace(/\b[0-9a-z]{8}-\d{20,}-[0-9a-z]+\b/g, '<lease>')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z \((?:in )?\d+ \w+(?: ago)?\)/g, '<time>')
    .replace(/(?<=,)\d{4}-\d\d-\d\dT[\d:.]+Z$/gm, '<time>')
    .replace(/version \d+/g, 'version <n>')
    .replace(/(?<=^token +|token )[\w-]{12}\b/gm, '<token>')
}

function stepsOf(markdown: string): readonly Step[] {
  const blocks = blocksOf(PAGE, markdown)
  return blocks.flatMap((block, i) => {
    if (block.language !== 'sh' || block.text.startsWith('npm install')) return []
    const next = blocks[i + 1]
    return [{ commands: block, printed: next?.language === 'text' ? next : undefined }]
  })
}

describe(PAGE, () => {
  const folder = cliFolder()
  const steps = stepsOf(readFileSync(PAGE, 'utf8'))

  test('shows what its commands print, in their order', async () => {
    let markdown = readFileSync(PAGE, 'utf8')
    const wrong: unknown[] = []
    for (const { commands, printed } of steps) {
      // As in one terminal: what one block exports, the next ones have.
      // Between two blocks of the page an agent has worked.
      if (commands.text.startsWith('mcp-budget ledger report')) await agentAtWork(folder.path)
      if (commands.text.startsWith('mcp-budget budget reconcile leases')) await agentKilled(folder.path)
      const script = `[ -f .exported ] && . ./.exported\nexec 2>&1\n${commands.text}\nexport -p > .exported`
      const { out, err } = await shell(script, { folder })
      if (masked(out + err) === masked(printed?.text ?? '')) continue
      wrong.push({ at: commands.at, printed: out + err })
      if (printed !== undefined)
        markdown = markdown.replace(
          commands.text + '```\n\n```text\n' + printed.text,
          () => `${commands.text}\`\`\`\n\n\`\`\`text\n${out + err}`,
        )
    }
    // `WRITE_GUIDE=1` puts what they print into the page, to be read before it is kept.
    if (process.env['WRITE_GUIDE'] === '1') writeFileSync(PAGE, markdown)
    expect(wrong).toEqual([])
  }, 120_000)

  test('has commands at all', () => {
    expect(steps.length).toBeGreaterThan(7)
  })
})
