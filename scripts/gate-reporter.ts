import { relative } from 'node:path'
import type { Reporter, TestModule, Vitest } from 'vitest/node'

/**
 * What vitest passes over in silence, and the gate must not: a project without a test, a skipped test, a test to be
 * written, a test that asserts nothing because its file was empty. Prints the counts of each project.
 */
export class GateReporter implements Reporter {
  #vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const complaints: string[] = []
    for (const project of this.#vitest?.projects ?? []) {
      const own = modules.filter((module) => module.project.name === project.name)
      const tests = own.flatMap((module) => [...module.children.allTests()])
      if (tests.length === 0) complaints.push(`the project '${project.name}' has no test`)
      for (const test of tests) {
        if (test.result().state !== 'skipped') continue
        complaints.push(`not run: ${relative(process.cwd(), test.module.moduleId)} > ${test.fullName}`)
      }
      const passed = tests.filter((test) => test.result().state === 'passed').length
      console.log(`${project.name.padStart(11)}  ${passed} of ${tests.length} tests passed, in ${own.length} files`)
    }
    if (complaints.length === 0) return
    process.exitCode = 1
    console.error(`\nThe gate does not skip:\n${complaints.map((complaint) => `  ${complaint}`).join('\n')}`)
  }
}

// vitest loads a reporter by its default export.
export default GateReporter
