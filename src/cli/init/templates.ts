/** Numeric ids of GitHub: names can be given up and taken over by others. */
export interface Ids {
  readonly owner: string
  readonly repository: string
}

/** What `credctl init` writes, by path: valid as it is, and useful once the database is real. */
export function templates(ids: Ids): ReadonlyMap<string, string> {
  return new Map([
    ['credctl.yaml', configuration(ids)],
    ['task-scopes/read-app-data.yaml', scope(ids)],
    ['.github/workflows/task-scopes.yml', WORKFLOW],
  ])
}

const configuration = ({
  owner,
}: Ids) => `# Who is believed, and where credentials are for. Secrets are only ever named here, never written.
origin: credctl.local.example/log # the log's name: choose it once, it never changes
url: http://127.0.0.1:8080 # the broker's public address; https anywhere but on this machine

issuers:
  github:
    kind: github
    issuer: https://token.actions.githubusercontent.com
    audience: http://127.0.0.1:8080
    callers:
      - class: ci
        claims:
          repository_owner_id: "${owner}"
          event_name: [push, workflow_dispatch]

environments:
  dev:
    class: nonprod # prod is never granted to agents and laptops
    targets:
      app-db:
        postgres:
          host: 127.0.0.1
          database: app
          tls: disable # accepted on this machine only
          admin: { user: credctl_broker, password: env:CREDCTL_APP_DB_PASSWORD }
`

const scope = ({
  repository,
}: Ids) => `# What one kind of task may touch. Changes to this file are reviewed like code: credctl scope diff
# tells what they give and take.
name: read-app-data
owner: team-app
description: Look at the rows of one table, without being able to change any.

allow:
  - caller: ci
    issuer: github
    claims: { repository_id: "${repository}" }

environments: [dev]
ttl: 15m

access:
  app-db:
    postgres:
      tables:
        public.customers: [select]

limits: { live_grants: 2 }
`

const WORKFLOW = `name: task-scopes
on:
  pull_request:

permissions: {}

jobs:
  lint:
    runs-on: ubuntu-24.04
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
        with:
          persist-credentials: false
      - uses: actions/setup-node@49933ea5288caeca8642d1e84afbd3f7d6820020 # v4.4.0
        with:
          node-version: 24
      - run: npx --yes credctl scope lint --output github
      - run: npx --yes credctl doctor workspace --no-home --output github
`
