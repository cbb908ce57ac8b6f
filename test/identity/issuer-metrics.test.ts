import { expect, test } from 'vitest'
import { createVerifier } from '../../src/identity/verify.ts'
import { createMetrics, watchIssuers } from '../../src/metrics.ts'
import { json, sign, signingKey, startIssuer } from '../support/issuer.ts'
import { goodClaims, issuerConfig, NOW, refusal } from './support.ts'

test('a scrape tells which issuers fail, how many keys they have and how their clocks differ', async () => {
  const key = await signingKey()
  await using good = await startIssuer(key)
  await using bad = await startIssuer(key)
  bad.answers.set('/jwks', json({}, 500))
  const ahead = 'Fri, 20 Nov 2026 12:00:45 GMT'
  good.answers.set('/jwks', (_request, response) => {
    response.writeHead(200, { date: ahead }).end(JSON.stringify({ keys: [key.jwk] }))
  })
  const issuers = {
    good: issuerConfig(good.url, {}),
    bad: issuerConfig(bad.url, {}),
    idle: issuerConfig('https://idle.test', {}),
  }
  const verifier = createVerifier(issuers, { clock: { now: () => NOW } })
  for (const { url } of [good, bad]) await refusal(verifier.verify(sign(key, goodClaims(url))))

  const metrics = createMetrics()
  watchIssuers(metrics, () => verifier.keys())
  const lines = (await metrics.registry.metrics()).split('\n')
  expect(lines.filter((line) => line.startsWith('credctl_issuer'))).toEqual([
    'credctl_issuer_keys{issuer="good"} 1',
    'credctl_issuer_keys{issuer="bad"} 0',
    'credctl_issuer_keys{issuer="idle"} 0',
    'credctl_issuer_failing{issuer="good"} 0',
    'credctl_issuer_failing{issuer="bad"} 1',
    'credctl_issuer_failing{issuer="idle"} 0',
    'credctl_issuer_clock_ahead_seconds{issuer="good"} 45',
  ])
})
