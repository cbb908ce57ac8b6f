import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { generateAwsActions } from './aws-classes.ts'
import { generateAwsExamples } from './aws-examples.ts'
import { generateApprovalStates } from './generate-approval-states.ts'
import { generateCliReference, generateCliSchemas } from './generate-cli.ts'
import { generateErrorReference } from './generate-errors.ts'
import { generateLogEntrySchema } from './generate-log-schema.ts'
import { generateDecisionMatrix } from './generate-matrix.ts'
import { generateOpenApi } from './generate-openapi.ts'
import { generateScopeSchema } from './generate-schema.ts'

/**
 * Writes every file that is made from code. With `--check` it writes nothing and fails when a file
 * differs from what the code would make, so that documentation cannot drift.
 */
const GENERATED: Readonly<Record<string, () => string>> = {
  'task-scopes/schema.json': generateScopeSchema,
  'src/plan/aws/actions.json': generateAwsActions,
  'examples/aws/README.md': generateAwsExamples,
  'docs/openapi.json': generateOpenApi,
  'docs/cli.md': generateCliReference,
  'docs/cli-output.schema.json': generateCliSchemas,
  'docs/errors.md': generateErrorReference,
  'docs/log-entry.schema.json': generateLogEntrySchema,
  'docs/decision-matrix.md': generateDecisionMatrix,
  'docs/approval-states.md': generateApprovalStates,
}

const check = process.argv.includes('--check')
const stale: string[] = []
for (const [file, generate] of Object.entries(GENERATED)) {
  const wanted = generate()
  const present = await readFile(file, 'utf8').catch(() => '')
  if (present === wanted) continue
  stale.push(file)
  if (check) continue
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, wanted)
}

if (check && stale.length > 0) {
  console.error(`not in sync with the code: ${stale.join(', ')}; run npm run generate`)
  process.exitCode = 1
} else {
  console.error(check ? 'generated files are in sync' : `written: ${stale.join(', ') || 'nothing'}`)
}
