import { systemRandom, ulid } from '../../src/clock.ts'
import type { Config } from '../../src/config.ts'
import { SCOPES, type World, withCallers, world } from '../api/world.ts'
import type { TestBrokerOptions } from '../support/broker.ts'
import { type IdentityProvider, startIdentityProvider } from '../support/identity-provider.ts'
import type { TestPostgres } from '../support/postgres.ts'

export const CONSOLE_CLIENT = 'credctl-console'
const SECRET = 'only for tests, in the environment of the broker'

export interface ConsoleWorld extends World {
  readonly provider: IdentityProvider
}

/** A broker whose console people sign in to, at a real provider: the name of a person is its group. */
export async function consoleWorld(
  postgres: TestPostgres,
  options: TestBrokerOptions = {},
): Promise<ConsoleWorld> {
  const provider = await startIdentityProvider({
    clients: [
      {
        client_id: CONSOLE_CLIENT,
        client_secret: SECRET,
        application_type: 'native',
        redirect_uris: ['http://127.0.0.1/console/callback'],
        response_types: ['code'],
        grant_types: ['authorization_code'],
        id_token_signed_response_alg: 'ES256',
        scope: 'openid groups',
      },
    ],
    groupsOf: (name) => name.split('+'),
  })
  const { configure = (config: Config) => config, ...rest } = options
  try {
    const broker = await world(postgres, {
      env: { ...process.env, CONSOLE_SECRET: SECRET },
      ...rest,
      configure: (config) => configure(withConsole(withCallers(config), provider.url)),
    })
    const close = async () => {
      await broker.close()
      await provider.close()
    }
    return { ...broker, provider, close }
  } catch (error) {
    await provider.close()
    throw error
  }
}

/** Roles by group; an officer's login must be new and strong before it reaches others' grants. */
export function withConsole(config: Config, issuer: string): Config {
  const { people } = config.issuers
  if (people === undefined) throw new Error('the issuers of the tour have other names')
  const human = (group: string, more: object) => ({
    class: 'human' as const,
    claims: { groups: group },
    ...more,
  })
  return {
    ...config,
    console: {
      issuer: 'staff',
      client_id: CONSOLE_CLIENT,
      client_secret: 'env:CONSOLE_SECRET',
      scopes: ['groups'],
      session: 3600,
    },
    issuers: {
      ...config.issuers,
      staff: {
        ...people,
        issuer,
        audience: [CONSOLE_CLIENT],
        callers: [
          human('operator', { roles: ['operator'] }),
          human('approver', { roles: ['approver'] }),
          human('auditor', { roles: ['auditor'] }),
          human('officer', { roles: ['operator'], step_up: { max_age: 600 } }),
          human('guest', {}),
          { class: 'agent', claims: { groups: 'robot' } },
        ],
      },
    },
  }
}

export { SCOPES }

/** An id that nothing has. */
export const unknownId = () => ulid({ now: () => new Date(0) }, systemRandom)
