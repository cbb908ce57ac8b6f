import type { z } from 'zod'
import { approvalListOutput, approvalShowOutput, approvalVerdictOutput } from './approval.ts'
import { awsCredentialsOutput } from './aws-credentials.ts'
import { completionProposeOutput, completionScriptOutput } from './completion.ts'
import { doctorOutput } from './doctor.ts'
import { failureOutput } from './failure.ts'
import { grantListOutput, grantRevokeOutput, grantShowOutput } from './grant.ts'
import { initOutput } from './init.ts'
import {
  logEraseOutput,
  logExportOutput,
  logKeyOutput,
  logOpenOutput,
  logPolicyOutput,
  logReceiptOutput,
  logShowOutput,
  logVerifyOutput,
  logVerifyReceiptOutput,
} from './log.ts'
import { loginOutput } from './login.ts'
import { mysqlScriptOutput } from './mysql.ts'
import { postgresScriptOutput } from './postgres.ts'
import {
  scopeDiffOutput,
  scopeExplainOutput,
  scopeLintOutput,
  scopeListOutput,
  scopeNewOutput,
  scopePlanOutput,
  scopeShowOutput,
  scopeSimulateOutput,
} from './scope.ts'
import { migrateOutput, serveOutput } from './serve.ts'
import { taskEndOutput, taskStartOutput } from './task.ts'
import { tokenInspectOutput } from './token.ts'
import { windowsShowOutput } from './windows.ts'
import { workspaceOutput } from './workspace.ts'

/** What each command prints with `--output json`; `failure` is what any of them prints instead. */
export const OUTPUTS = {
  init: initOutput,
  'scope list': scopeListOutput,
  'scope show': scopeShowOutput,
  'scope lint': scopeLintOutput,
  'scope plan': scopePlanOutput,
  'scope diff': scopeDiffOutput,
  'scope new': scopeNewOutput,
  'scope explain': scopeExplainOutput,
  'scope simulate': scopeSimulateOutput,
  'aws-credentials': awsCredentialsOutput,
  'task start': taskStartOutput,
  'task end': taskEndOutput,
  login: loginOutput,
  'grant list': grantListOutput,
  'grant show': grantShowOutput,
  'grant revoke': grantRevokeOutput,
  'approval list': approvalListOutput,
  'approval show': approvalShowOutput,
  'approval approve': approvalVerdictOutput,
  'approval deny': approvalVerdictOutput,
  serve: serveOutput,
  migrate: migrateOutput,
  'log verify': logVerifyOutput,
  'log show': logShowOutput,
  'log receipt': logReceiptOutput,
  'log verify-receipt': logVerifyReceiptOutput,
  'log export': logExportOutput,
  'log open': logOpenOutput,
  'log erase': logEraseOutput,
  'log key': logKeyOutput,
  'log policy': logPolicyOutput,
  'postgres setup': postgresScriptOutput,
  'postgres apply': postgresScriptOutput,
  'postgres harden': postgresScriptOutput,
  'mysql setup': mysqlScriptOutput,
  'token inspect': tokenInspectOutput,
  'windows show': windowsShowOutput,
  'doctor workspace': workspaceOutput,
  doctor: doctorOutput,
  'completion script': completionScriptOutput,
  'completion propose': completionProposeOutput,
  failure: failureOutput,
} as const satisfies Record<string, z.ZodType>
