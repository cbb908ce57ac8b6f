// Runs at the end of the job, however it ended: gives the grant up, and with it every credential.
import { endGrant } from './broker.js'
import { endOnFailure, mask, notice, state, warning } from './runner.js'

await endOnFailure(async () => {
  const [broker, grant, token] = [state('broker'), state('grant'), state('token')]
  // The first step was refused: there is nothing to give up.
  if (grant === '') return
  mask(token)
  const revocations = await endGrant(broker, grant, token)
  for (const { target, outcome } of revocations) {
    if (outcome === 'pending') {
      warning(`${target}: not finished; the broker keeps trying until it is`)
    } else if (outcome === 'expires') {
      warning(`${target}: cannot be ended before it expires`)
    }
  }
  notice(`grant ${grant} has ended`)
})
