import type { Issuers } from './issuers.ts'
import type { Shop } from './shop.ts'

interface Places {
  readonly url: string
  readonly directory: string
  readonly issuers: Issuers
  readonly shop: Shop
}

/** The tour's `credctl.yaml`; JSON is YAML, and quotes paths of any spelling. */
export function configText({ url, directory, issuers, shop }: Places): string {
  const issuer = (at: string) => ({ issuer: at, audience: url, algorithms: ['ES256'] })
  const database = (name: string, grants: string) => ({
    postgres: {
      host: shop.host,
      port: shop.port,
      database: name,
      tls: 'disable',
      grants,
      admin: {
        user: shop.admin.user,
        password: `file:${shop.admin.passwordFile}`,
      },
    },
  })
  const role = (account: string, name: string, region = 'eu-central-1') => ({
    aws: { account, region, role: `arn:aws:iam::${account}:role/credctl/${name}` },
  })
  const staging = {
    'orders-db': database(shop.staging, 'delegated'),
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
        callers: [
          { class: 'human', claims: { role: 'platform-operator' }, roles: ['operator'] },
          { class: 'human', claims: { role: 'orders-approver' }, roles: ['approver'] },
        ],
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
          'orders-db': database(shop.prod, 'applied'),
          web: role('222233334444', 'deploy'),
        },
      },
    },
  }
  return `${JSON.stringify(config, null, 2)}\n`
}
