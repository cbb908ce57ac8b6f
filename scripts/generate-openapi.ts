import { openApiDocument } from '../src/api/openapi.ts'

/** The document a running broker serves at `/openapi.json`, for readers without one. */
export function generateOpenApi(): string {
  return `${JSON.stringify(openApiDocument('https://credctl.example.com'), null, 2)}\n`
}
