import type { z } from 'zod'
import type { Operation } from '../access.ts'
import * as approvals from '../contract/approvals.ts'
import * as credentials from '../contract/credentials.ts'
import * as contract from '../contract.ts'

/** One endpoint as the world sees it. Routes are made from these: what is not here does not exist. */
export interface Endpoint {
  readonly method: 'get' | 'post' | 'delete'
  /** As in OpenAPI: `/v1/grants/{id}`. */
  readonly path: string
  readonly summary: string
  /** Row of the access table; absent for endpoints anyone may call. */
  readonly access?: Operation
  readonly body?: { readonly type: string; readonly schema?: z.ZodType; readonly text?: string }
  readonly query?: Readonly<Record<string, string>>
  readonly answer: { readonly type: string; readonly schema?: z.ZodType; readonly text: string }
}

const JSON_TYPE = 'application/json'
const TEXT = 'text/plain; charset=utf-8'

/** Every endpoint of the broker, by the name of its handler. */
export const ENDPOINTS = {
  token: {
    method: 'post',
    path: '/token',
    summary: 'Exchange an identity token and a task for a grant token (RFC 8693, RFC 7523).',
    body: {
      type: 'application/x-www-form-urlencoded',
      text: 'grant_type, authorization_details (RFC 9396, one credctl_task), and subject_token with subject_token_type, or assertion. Optional: actor_token with actor_token_type, caller_class to be treated as a less trusted class, a DPoP header (RFC 9449) to bind the grant token to a key.',
    },
    answer: { type: JSON_TYPE, schema: contract.tokenAnswer, text: 'The grant.' },
  },
  fetchCredential: {
    method: 'get',
    path: '/v1/credentials/{target}',
    summary: 'The credential for one target of the grant, in the target’s native shape.',
    access: 'fetchCredential',
    query: {
      wrap: 'Give it inside a Vault token that opens once, for so long: 5s to 600s. For targets that Vault mints for.',
    },
    answer: {
      type: JSON_TYPE,
      schema: credentials.credential.or(credentials.wrappedCredential),
      text: 'The credential, or with wrap what opens it.',
    },
  },
  reportUnwrap: {
    method: 'post',
    path: '/v1/credentials/{target}/unwrap-failed',
    summary: 'Vault would not open a wrapped credential. If somebody else did, the grant ends.',
    access: 'reportUnwrap',
    body: { type: JSON_TYPE, schema: credentials.unwrapReport },
    answer: { type: JSON_TYPE, schema: credentials.unwrapAnswer, text: 'What became of it.' },
  },
  standingCredential: {
    method: 'get',
    path: '/compat/aws/{scope}/{environment}/{target}',
    summary:
      'The credential of an AWS target for a workload that sends its identity token, with or without Bearer: for the container-credentials variables of AWS SDKs. Starts a grant, or uses the one that an earlier request started.',
    access: 'standingCredential',
    answer: { type: JSON_TYPE, schema: credentials.awsCredential, text: 'The credential.' },
  },
  plan: {
    method: 'post',
    path: '/v1/plans',
    summary: 'What a task would get. Nothing is minted, nothing recorded.',
    access: 'plan',
    body: { type: JSON_TYPE, schema: contract.planRequest },
    answer: { type: JSON_TYPE, schema: contract.planAnswer, text: 'The decision and the plan.' },
  },
  listGrants: {
    method: 'get',
    path: '/v1/grants',
    summary: 'Grants of this caller, newest first; of everybody for operators and auditors.',
    access: 'listGrants',
    query: {
      live: '`true` for grants that have neither ended nor expired.',
      scope: 'Name of a scope.',
      environment: 'Name of an environment.',
      before: 'Id from `next` of the page before.',
    },
    answer: { type: JSON_TYPE, schema: contract.grantList, text: 'One page of grants.' },
  },
  showGrant: {
    method: 'get',
    path: '/v1/grants/{id}',
    summary: 'One grant and its credentials, without any secret.',
    access: 'showGrant',
    answer: { type: JSON_TYPE, schema: contract.grantDetails, text: 'The grant.' },
  },
  endGrant: {
    method: 'delete',
    path: '/v1/grants/{id}',
    summary: 'End a grant: logins are dropped, sessions are terminated.',
    access: 'endGrant',
    answer: { type: JSON_TYPE, schema: contract.endAnswer, text: 'What was done at each target.' },
  },
  grantReceipts: {
    method: 'get',
    path: '/v1/grants/{id}/receipts',
    summary: 'Proofs that the entries of a grant are in the log.',
    access: 'showGrant',
    answer: { type: JSON_TYPE, schema: contract.receiptList, text: 'Entries and receipts.' },
  },
  listOpenings: {
    method: 'get',
    path: '/v1/grants/{id}/openings',
    summary: 'What proves the values that the log commits to: for auditors.',
    access: 'readOpenings',
    answer: { type: JSON_TYPE, schema: contract.openingList, text: 'What was not erased.' },
  },
  eraseOpenings: {
    method: 'delete',
    path: '/v1/grants/{id}/openings',
    summary: 'Makes the values that the log commits to unreadable for good: for operators.',
    access: 'eraseOpenings',
    answer: { type: JSON_TYPE, schema: contract.eraseAnswer, text: 'How many there were.' },
  },
  listApprovals: {
    method: 'get',
    path: '/v1/approvals',
    summary: 'Requests that wait for people, newest first; one’s own for people without a role.',
    access: 'listApprovals',
    query: {
      status: '`pending` (default), `approved`, `open` for both, or `all`.',
      mine: '`true` for those that this person could decide.',
      scope: 'Name of a scope.',
      environment: 'Name of an environment.',
      before: 'Id from `next` of the page before.',
    },
    answer: { type: JSON_TYPE, schema: approvals.approvalList, text: 'One page of requests.' },
  },
  decideApprovals: {
    method: 'post',
    path: '/v1/approvals',
    summary: 'One word on several requests; each is recorded, or refused, by itself.',
    access: 'decideApproval',
    body: { type: JSON_TYPE, schema: approvals.batchVerdictRequest },
    answer: { type: JSON_TYPE, schema: approvals.batchVerdictAnswer, text: 'What became of each.' },
  },
  showApproval: {
    method: 'get',
    path: '/v1/approvals/{id}',
    summary: 'One request, with the plan that it asks for.',
    access: 'showApproval',
    answer: { type: JSON_TYPE, schema: approvals.approvalDetails, text: 'The request.' },
  },
  decideApproval: {
    method: 'post',
    path: '/v1/approvals/{id}',
    summary: 'Approve or deny a request: never one’s own, only for a group one is a member of.',
    access: 'decideApproval',
    body: { type: JSON_TYPE, schema: approvals.verdictRequest },
    answer: { type: JSON_TYPE, schema: approvals.approval, text: 'The request as it now stands.' },
  },
  cancelApproval: {
    method: 'delete',
    path: '/v1/approvals/{id}',
    summary: 'Take a request back. Callers that are no people end it as they end a grant.',
    access: 'cancelApproval',
    answer: { type: JSON_TYPE, schema: approvals.approval, text: 'The request as it now stands.' },
  },
  listScopes: {
    method: 'get',
    path: '/v1/scopes',
    summary: 'The scopes that name this caller; all of them for operators and auditors.',
    access: 'listScopes',
    answer: { type: JSON_TYPE, schema: contract.scopeList, text: 'Scopes and their digests.' },
  },
  showScope: {
    method: 'get',
    path: '/v1/scopes/{name}',
    summary: 'One scope.',
    access: 'listScopes',
    answer: { type: JSON_TYPE, schema: contract.scopeSummary, text: 'The scope.' },
  },
  checkpoint: {
    method: 'get',
    path: '/log/checkpoint',
    summary: 'Newest signed checkpoint of the log (C2SP tlog-checkpoint).',
    answer: { type: TEXT, text: 'A signed note.' },
  },
  tile: {
    method: 'get',
    path: '/log/tile/{path}',
    summary: 'Tiles and entry bundles of the log (C2SP tlog-tiles).',
    answer: { type: 'application/octet-stream', text: 'Hashes or entries.' },
  },
  slackInteraction: {
    method: 'post',
    path: '/slack/interactions',
    summary: 'A button that somebody pressed in Slack, signed by Slack. Not found without Slack.',
    body: {
      type: 'application/x-www-form-urlencoded',
      text: 'payload, with X-Slack-Signature and X-Slack-Request-Timestamp over the whole body.',
    },
    answer: { type: TEXT, text: 'Nothing; what became of it is said in Slack.' },
  },
  authorizationServer: {
    method: 'get',
    path: '/.well-known/oauth-authorization-server',
    summary: 'Authorization server metadata (RFC 8414).',
    answer: { type: JSON_TYPE, text: 'Metadata.' },
  },
  keys: {
    method: 'get',
    path: '/.well-known/jwks.json',
    summary: 'Public keys of grant tokens (RFC 7517).',
    answer: { type: JSON_TYPE, text: 'A key set.' },
  },
  openapi: {
    method: 'get',
    path: '/openapi.json',
    summary: 'This document.',
    answer: { type: JSON_TYPE, text: 'OpenAPI 3.1.' },
  },
  health: {
    method: 'get',
    path: '/healthz',
    summary: 'The process answers.',
    answer: { type: JSON_TYPE, text: 'It does.' },
  },
  readiness: {
    method: 'get',
    path: '/readyz',
    summary: 'A grant could be recorded now.',
    answer: { type: JSON_TYPE, text: 'It could.' },
  },
  metrics: {
    method: 'get',
    path: '/metrics',
    summary: 'Metrics in the Prometheus text format.',
    answer: { type: TEXT, text: 'Metrics.' },
  },
} as const satisfies Record<string, Endpoint>

export type EndpointName = keyof typeof ENDPOINTS
