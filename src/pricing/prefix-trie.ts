interface Node<Value> {
  value: Value | undefined
  /** The first child; most nodes have no other, and a map for each would be most of the memory. */
  code: number
  next: Node<Value> | undefined
  others: Map<number, Node<Value>> | undefined
}

/** Values by prefix. Finding the longest takes one step per character of that prefix, however many there are. */
export class PrefixTrie<Value> {
  readonly #root = newNode<Value>()

  /** The value at exactly this prefix; `make` makes it where there is none. */
  at(prefix: string, make: () => Value): Value {
    let node = this.#root
    for (let i = 0; i < prefix.length; i++) node = grow(node, prefix.charCodeAt(i))
    node.value ??= make()
    return node.value
  }

  /** The value of the longest prefix that `text` begins with. */
  longest(text: string): Value | undefined {
    let best: Value | undefined
    let node: Node<Value> | undefined = this.#root
    for (let i = 0; node !== undefined; i++) {
      best = node.value ?? best
      node = i < text.length ? childOf(node, text.charCodeAt(i)) : undefined
    }
    return best
  }
}

function newNode<Value>(): Node<Value> {
  return { value: undefined, code: -1, next: undefined, others: undefined }
}

function childOf<Value>(node: Node<Value>, code: number): Node<Value> | undefined {
  return node.code === code ? node.next : node.others?.get(code)
}

function grow<Value>(node: Node<Value>, code: number): Node<Value> {
  const known = childOf(node, code)
  if (known !== undefined) return known
  const child = newNode<Value>()
  if (node.next === undefined) {
    node.code = code
    node.next = child
  } else {
    node.others ??= new Map()
    node.others.set(code, child)
  }
  return child
}
