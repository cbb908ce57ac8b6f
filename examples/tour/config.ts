import type { Databases } from './databases.ts'
import type { Issuers } from './issuers.ts'

interface Places {
  readonly url: string
  readonly directory: string
  readonly issuers: Issuers
  readonly databases: Databases
}

/** The tour's `credctl.yaml`; JSON is YAML, and quotes paths of any spelling. */
export function configText({ url, directory, issuers, databases }: Places): string {
  const issuer = (at: string) => ({ issuer: at, audience: url, algorithms: ['ES256'] })
  const database = (name: string, grants: string) => ({
    postgres: {
      host: databases.host,
      port: databases.port,
      database: name,
      tls: 'disable',
      grants,
      admin: {
        user: databases.admin.user,
        password: `file:${databases.admin.passwordFile}`,
      },
    },
  })
  const role = (account: string, name: string, region = 'eu-central-1') => ({
    aws: { account, region, role: `arn:aws:iam::${account}:role/credctl/${name}` },
  })
  const staging = {
    'orders-db': database(databases.staging, 'delegated'),
    exports: role('111122223333', 'task'),
    billing: role('111122223333', 'billing', 'us-east-1'),
  }
  const config = {
    origin: 'credctl.tour.example/log',
    url,
    listen: new URL(url).host,
    state: directory,
    issuers: {
      agents: { ...issuer(issuers.agents), callers: [{ class: 'agent' }] },
      github: {
        ...issuer(issuers.github),
        callers: [
          {
            class: 'ci',
            claims: { repository_owner_id: '9919', event_name: ['push', 'workflow_dispatch'] },
          },
        ],
      },
      people: {
        ...issuer(issuers.people),
        callers: [{ class: 'human', claims: { role: 'platform-operator' }, roles: ['operator'] }],
      },
    },
    environments: {
      dev: {
        class: 'nonprod',
        targets: { 'orders-db': staging['orders-db'], exports: staging.exports },
      },
      staging: { class: 'nonprod', targets: staging },
      prod: {
        class: 'prod',
        targets: {
          'orders-db': database(databases.prod, 'applied'),
          web: role('222233334444', 'deploy'),
        },
      },
    },
  }
  return `${JSON.stringify(config, null, 2)}\n`
}
