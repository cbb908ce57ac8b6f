// The step of a job that asks for credentials. Plain JavaScript without dependencies: what is
// read here is what runs. action/post.js gives the grant up again.

import { brokerUrl, fetchCredential, requestGrant } from './broker.js'
import { identityToken } from './identity.js'
import { endOnFailure, input, mask, notice, output, saveState, setEnv } from './runner.js'
import { writeSummary } from './summary.js'
import { chosenTargets, variablesOf } from './variables.js'

await endOnFailure(async () => {
  const broker = brokerUrl(input('broker'))
  const audience = input('audience', broker)
  const task = {
    scope: input('scope'),
    environment: input('environment'),
    intent: input('intent'),
    parameters: parametersOf(input('parameters', '')),
  }
  const exportTo = oneOf(input('export-to', 'env'), ['env', 'outputs'], 'export-to')
  const minutes = wholeNumber(input('approval-timeout', '30'), 'approval-timeout')

  const grant = await requestGrant(broker, task, {
    identity: () => identityToken(audience),
    waitMs: minutes * 60_000,
    onPending: ({ id, letters, expiresAt }) =>
      notice(`${task.scope} waits for approval ${id}, letters ${letters}, until ${expiresAt}`),
  })
  mask(grant.token)
  // First of all, so that the grant is given up whatever happens from here on.
  saveState('broker', broker)
  saveState('grant', grant.id)
  saveState('token', grant.token)

  const targets = chosenTargets(grant.targets, input('targets', ''))
  const variables = new Map()
  for (const target of targets) {
    const credential = await fetchCredential(broker, grant.token, target.name)
    for (const { name, value, isSecret } of variablesOf(target, credential)) {
      if (isSecret) mask(value)
      variables.set(name, value)
    }
  }
  for (const [name, value] of variables) {
    if (exportTo === 'env') setEnv(name, value)
    else output(name.toLowerCase().replaceAll('_', '-'), value)
  }
  output('grant', grant.id)
  output('expires-at', grant.expiresAt)
  writeSummary(task, grant, [...variables.keys()])
})

/** One `name=value` a line; a name that is given twice is refused, neither may win silently. */
function parametersOf(text) {
  const parameters = {}
  for (const line of text.split(/\r?\n/).map((each) => each.trim())) {
    if (line === '') continue
    const at = line.indexOf('=')
    const name = line.slice(0, at)
    if (at < 1) throw new Error(`input parameters: expected name=value on every line`)
    if (Object.hasOwn(parameters, name)) {
      throw new Error(`input parameters: ${name} is given more than once`)
    }
    parameters[name] = line.slice(at + 1)
  }
  return parameters
}

function oneOf(value, allowed, name) {
  if (allowed.includes(value)) return value
  throw new Error(`input ${name}: expected ${allowed.join(' or ')}`)
}

function wholeNumber(text, name) {
  if (/^\d{1,4}$/.test(text)) return Number(text)
  throw new Error(`input ${name}: expected a whole number of minutes`)
}
