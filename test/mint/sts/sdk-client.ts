// A program that knows nothing of credctl: it asks AWS who it is, twice, with whatever credentials
// the SDK's default provider chain finds in its environment.
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'

const client = new STSClient({})
const ask = async () => {
  const { Arn } = await client.send(new GetCallerIdentityCommand({}))
  const { expiration } = await client.config.credentials()
  return { arn: Arn, expires: expiration?.toISOString() }
}
console.log(JSON.stringify([await ask(), await ask()]))
