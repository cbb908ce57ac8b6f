import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { systemClock, systemRandom, ulid } from '../src/clock.ts'
import { mintCredential } from '../src/mint/mint.ts'
import { stsMint } from '../src/mint/sts/mint.ts'
import { assumeRoleInput } from '../src/mint/sts/request.ts'
import { AWS_TARGET, awsGrant } from '../test/support/aws-grant.ts'
import { startSts } from '../test/support/sts.ts'
import { against, measure, type Row } from './row.ts'

const credentials = { accessKeyId: 'AKIDBROKER', secretAccessKey: 'broker' }

/** Minting against the bare SDK call with the same request, both to one stand-in in this process. */
export async function bench(): Promise<readonly Row[]> {
  const sts = await startSts()
  const client = { endpoint: sts.endpoint, credentials }
  const mint = stsMint(AWS_TARGET, { clock: systemClock, random: systemRandom, client })
  const sdk = new STSClient({ region: AWS_TARGET.region, maxAttempts: 1, ...client })
  const grant = awsGrant({ issuedAt: new Date() })
  const plan = grant.plan.targets['exports']
  if (plan?.kind !== 'aws') throw new Error('the grant of this benchmark has no AWS plan')

  const bare = async () => {
    const session = { name: `credctl-${nextId()}`, now: new Date() }
    await sdk.send(new AssumeRoleCommand(assumeRoleInput(grant, plan, AWS_TARGET, session)))
  }
  const ours = async () => {
    const handle = mint.handle(grant, 'exports', nextId())
    await mintCredential(mint, grant, 'exports', handle)
  }
  const rows: Row[] = []
  try {
    for (const delayMs of [0, 30]) {
      sts.delayMs = delayMs
      for (const concurrency of [1, 32, 128]) {
        const count = concurrency === 1 ? (delayMs === 0 ? 300 : 60) : concurrency * 12
        const at = `STS answering after ${delayMs} ms, ${concurrency} at once`
        const baseline = await measure(`bare AssumeRole, ${at}`, { count, concurrency }, bare)
        const row = await measure(`AWS mint, ${at}`, { count, concurrency }, ours)
        rows.push(baseline, against(row, baseline))
      }
    }
  } finally {
    sdk.destroy()
    await mint.close()
    await sts.close()
  }
  return rows
}

function nextId(): string {
  return ulid(systemClock, systemRandom)
}
