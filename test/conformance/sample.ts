interface Schema {
  readonly type?: unknown
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, unknown>> | undefined
  readonly required?: readonly string[] | undefined
}

const SAMPLES: Readonly<Record<string, unknown>> = { integer: 3, number: 3, boolean: true, array: [], object: {} }

function sampleValue(schema: Schema): unknown {
  return schema.default ?? SAMPLES[String(schema.type)] ?? 'text'
}

/** Arguments for a tool: something of the right type for every property. */
export function sampleArguments(schema: Schema): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schema.properties ?? {}).map(([key, value]) => [key, sampleValue(value as Schema)]),
  )
}

/** An answer to a form: what is required. Fields with a default are left out, the SDK has to fill them in. */
export function sampleAnswer(schema: Schema): Record<string, string | number | boolean> {
  const asked = Object.entries((schema.properties ?? {}) as Record<string, Schema>)
  return Object.fromEntries(
    asked
      .filter(([key, value]) => value.default === undefined && (schema.required ?? []).includes(key))
      .map(([key, value]) => [key, sampleValue(value) as string | number | boolean]),
  )
}
