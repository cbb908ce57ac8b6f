import { type Application, buildRouteMap } from '@stricli/core'
import { applicationOf } from '../application.ts'
import type { Cli } from '../cli.ts'
import { awsCredentialsCommand } from './routes.ts'

/**
 * The command line with this command alone: SDKs wait for it whenever they refresh, and the routes
 * of all others take longer to load than it runs.
 */
export function createApp(): Application<Cli> {
  const routes = { 'aws-credentials': awsCredentialsCommand }
  return applicationOf(buildRouteMap<string, Cli>({ routes, docs: { brief: 'AWS credentials' } }))
}
