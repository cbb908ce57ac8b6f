import { OAuth2Server } from 'oauth2-mock-server'

/** Two OpenID providers: the platform that runs agents, and the one that runs CI jobs. */
export interface Issuers {
  readonly agents: string
  readonly github: string
  readonly people: string
  /** An identity token, as the platform would put it into the sandbox of an agent. */
  agent(claims: Readonly<Record<string, unknown>>): Promise<string>
  /** An identity token, as a CI job would get it. */
  ci(claims: Readonly<Record<string, unknown>>): Promise<string>
  /** An identity token of a person, as after signing in. */
  person(claims: Readonly<Record<string, unknown>>): Promise<string>
  close(): Promise<void>
}

const LIFETIME_SECONDS = 3600

export async function startIssuers(audience: string): Promise<Issuers> {
  const [agents, github, people] = await Promise.all([start(), start(), start()])
  const sign = (server: OAuth2Server) => (claims: Readonly<Record<string, unknown>>) =>
    server.issuer.buildToken({
      expiresIn: LIFETIME_SECONDS,
      scopesOrTransform: (_header, payload) => {
        Object.assign(payload, { aud: audience }, claims)
      },
    })
  return {
    agents: urlOf(agents),
    github: urlOf(github),
    people: urlOf(people),
    agent: sign(agents),
    ci: sign(github),
    person: sign(people),
    close: async () => {
      await Promise.all([agents, github, people].map((server) => server.stop()))
    },
  }
}

async function start(): Promise<OAuth2Server> {
  const server = new OAuth2Server()
  await server.issuer.keys.generate('ES256')
  await server.start(0, '127.0.0.1')
  return server
}

function urlOf(server: OAuth2Server): string {
  const { url } = server.issuer
  if (url === undefined) throw new Error('the issuer did not start')
  return url
}
