import { z } from 'zod'
import { ACCESS } from '../access.ts'
import type { Json } from '../canonical.ts'
import * as contract from '../contract.ts'
import { ENDPOINTS, type Endpoint } from './operations.ts'

/** The OpenAPI 3.1 document, made from the same table that the routes are made from. */
export function openApiDocument(url: string): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const [name, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
    const path = paths[endpoint.path] ?? {}
    paths[endpoint.path] = { ...path, [endpoint.method]: operation(name, endpoint) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'credctl',
      version: '1',
      description: 'Short-lived credentials for reviewed task scopes.',
    },
    servers: [{ url }],
    paths,
    components: {
      securitySchemes: {
        identity: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token of a configured issuer.',
        },
        grant: { type: 'http', scheme: 'bearer', description: 'A grant token from /token.' },
      },
    },
  }
}

function operation(name: string, endpoint: Endpoint): Json {
  const error = name === 'token' ? contract.tokenError : contract.problem
  const errorType = name === 'token' ? 'application/json' : 'application/problem+json'
  return {
    operationId: name,
    summary: endpoint.summary,
    ...accessOf(endpoint),
    parameters: [...pathParameters(endpoint), ...queryParameters(endpoint)],
    ...(endpoint.body === undefined ? {} : { requestBody: requestBody(endpoint.body) }),
    responses: {
      200: {
        description: endpoint.answer.text,
        content: { [endpoint.answer.type]: content(endpoint.answer.schema) },
      },
      default: { description: 'A refusal.', content: { [errorType]: content(error) } },
    },
  }
}

/** Who may call it, from the access table; `x-credctl-access` has what OpenAPI cannot say. */
function accessOf({ access }: Endpoint): Record<string, Json> {
  if (access === undefined) return { security: [] }
  const rule = ACCESS[access]
  const { classes, grant, everything } = rule
  const identity: Json[] = classes.length > 0 ? [{ identity: [] }] : []
  return {
    security: grant ? [...identity, { grant: [] }] : identity,
    'x-credctl-access': {
      classes: [...classes],
      grant_token: grant,
      roles_for_what_is_not_their_own: [...everything],
      ...('stepUp' in rule ? { step_up_for_what_is_not_their_own: true } : {}),
    },
  }
}

function pathParameters({ path }: Endpoint): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function queryParameters({ query = {} }: Endpoint): Json[] {
  return Object.entries(query).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  }))
}

function requestBody(body: NonNullable<Endpoint['body']>): Json {
  return {
    required: true,
    ...(body.text === undefined ? {} : { description: body.text }),
    content: { [body.type]: content(body.schema) },
  }
}

function content(schema: z.ZodType | undefined): Json {
  if (schema === undefined) return {}
  // The converter's result is JSON by definition; its type admits more than that.
  return {
    schema: JSON.parse(
      JSON.stringify(z.toJSONSchema(schema, { io: 'input', reused: 'inline' })),
    ) as Json,
  }
}
