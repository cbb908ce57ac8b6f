import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { CredctlError } from '../../../src/errors.ts'
import { retryingRaces, targetFailure } from '../../../src/mint/postgres/failure.ts'

function answer(code: string, message = 'a canary value'): Error {
  const error = new pg.DatabaseError(message, message.length, 'error')
  error.code = code
  return error
}

function failure(name: string): Error {
  return Object.assign(new Error(`connect ${name} with a canary value`), { code: name })
}

describe('a failure of the target', () => {
  it.for([
    [
      'a wrong password',
      answer('28P01'),
      'target_refused',
      "refuses the login of the broker's admin",
    ],
    ['no rule in pg_hba.conf', answer('28000'), 'target_refused', 'refuses the login'],
    [
      'an unknown database',
      answer('3D000', 'database "x" does not exist'),
      'target_refused',
      'does not exist',
    ],
    [
      'a missing privilege',
      answer('42501', 'permission denied for table t'),
      'target_refused',
      'permission denied for table t',
    ],
    ['a name that exists', answer('42710'), 'target_refused', 'already exists'],
    ['a missing second role', answer('22023'), 'target_refused', 'second role'],
    ['a pooler', answer('08P01'), 'target_refused', 'start-up options'],
    ['a syntax error', answer('42601'), 'target_refused', '42601'],
    ['a full connection table', answer('53300'), 'target_unavailable', 'no connection left'],
    ['a server that starts', answer('57P03'), 'target_unavailable', 'starting up'],
    ['a server that is shut down', answer('57P01'), 'target_unavailable', '57P01'],
    ['a standby', answer('25006'), 'target_unavailable', 'standby'],
    ['a full disk', answer('53100'), 'target_unavailable', '53100'],
    ['a lock that takes too long', answer('55P03'), 'target_unavailable', '55P03'],
    ['a statement that takes too long', answer('57014'), 'target_unavailable', '57014'],
    ['a refused connection', failure('ECONNREFUSED'), 'target_unavailable', 'ECONNREFUSED'],
    ['an unknown host', failure('ENOTFOUND'), 'target_unavailable', 'ENOTFOUND'],
    ['a forbidden socket', failure('EPERM'), 'target_unavailable', 'EPERM'],
    ['a broken pipe', failure('EPIPE'), 'target_unavailable', 'EPIPE'],
    ['an expired certificate', failure('CERT_HAS_EXPIRED'), 'target_refused', 'certificate'],
    [
      'a certificate for another host',
      failure('ERR_TLS_CERT_ALTNAME_INVALID'),
      'target_refused',
      'certificate',
    ],
    ['something thrown that is no error', 'a canary value', 'target_unavailable', 'unknown'],
  ] as const)('%s', ([, error, code, text]) => {
    const mapped = targetFailure(error, 'minting')
    expect(mapped).toMatchObject({ code, message: expect.stringContaining(text) })
    expect(mapped.message).toMatch(/^minting: /)
    expect(mapped.message + (mapped.hint ?? '')).not.toContain('canary')
  })

  it('keeps one of our own as it is', () => {
    const ours = new CredctlError('target_refused', 'blocked by the preflight')
    expect(targetFailure(ours, 'minting')).toBe(ours)
  })
})

describe('a race in the catalogue', () => {
  it.for([
    ['40P01', 'deadlock detected'],
    ['40001', 'could not serialize access'],
    ['XX000', 'tuple concurrently updated'],
  ])('%s is run again until it is won', async ([code = '', message]) => {
    let tries = 0
    const won = await retryingRaces(async () => {
      tries += 1
      if (tries < 3) throw answer(code, message)
      return 'won'
    })
    expect([won, tries]).toEqual(['won', 3])
  })

  it.for([
    ['another error of the server', answer('42501'), 1],
    ['an internal error that is no race', answer('XX000', 'cache lookup failed'), 1],
    ['a race that is never won', answer('40P01'), 6],
  ] as const)('%s is not run again for ever', async ([, error, expected]) => {
    let tries = 0
    const run = retryingRaces(async () => {
      tries += 1
      throw error
    })
    await expect(run).rejects.toBe(error)
    expect(tries).toBe(expected)
  })
})
