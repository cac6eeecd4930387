import ts from 'typescript'

/** A title that cites rules: `charges once [I4, L-P6]`. */
export interface Citation {
  readonly id: string
  /** Where the title stands. */
  readonly at: string
  readonly title: string
}

const ID = String.raw`(?:T\d+|L-[A-Z]\d+|[A-Z]\d+|seed-\d+:[\w-]+)`
const GROUP = new RegExp(String.raw`\[(${ID}(?:, ${ID})*)\]`, 'g')

/** The rules that a title cites, in square brackets. */
export function idsIn(title: string): string[] {
  return Array.from(title.matchAll(GROUP), ([, group]) => (group as string).split(', ')).flat()
}

/**
 * The rules cited in one file of tests, read by the TypeScript parser: in titles of tests and groups, and in the names
 * of table rows, which are the first item of a row, its `name`, or its key. Comments and other texts do not count.
 */
export function citationsOf(file: string, text: string): Citation[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const found: Citation[] = []
  const visit = (node: ts.Node): void => {
    const title = titleAt(node)
    if (title !== undefined) {
      const at = `${file}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`
      found.push(...idsIn(title).map((id) => ({ id, at, title })))
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function titleAt(node: ts.Node): string | undefined {
  if (ts.isCallExpression(node)) {
    return /^(?:test|it|describe)\b/.test(calleeName(node.expression)) ? textOf(node.arguments[0]) : undefined
  }
  if (ts.isArrayLiteralExpression(node)) return textOf(node.elements[0])
  if (!ts.isPropertyAssignment(node) && !ts.isMethodDeclaration(node)) return undefined
  if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name) && node.name.text === 'name') {
    return textOf(node.initializer)
  }
  return textOf(node.name)
}

function textOf(node: ts.Node | undefined): string | undefined {
  if (node === undefined) return undefined
  if (ts.isStringLiteralLike(node)) return node.text
  // `${fault} at ${step} [I16]`: what stands around the values.
  return ts.isTemplateExpression(node)
    ? [node.head, ...node.templateSpans.map((span) => span.literal)].map((part) => part.text).join('…')
    : undefined
}

function calleeName(node: ts.Expression): string {
  if (ts.isIdentifier(node)) return node.text
  if (ts.isCallExpression(node) || ts.isPropertyAccessExpression(node)) return calleeName(node.expression)
  return ts.isTaggedTemplateExpression(node) ? calleeName(node.tag) : ''
}
