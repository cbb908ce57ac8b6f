import { describe } from 'vitest'
import { findBao, startBao } from '../../support/vault/bao.ts'
import { vaultBehaviour } from './behaviour.ts'

const wanted = process.env['CREDCTL_TEST_VAULT'] === '1'
const bao = wanted ? findBao() : undefined
if (wanted && bao === undefined) throw new Error('no bao on PATH and none in CREDCTL_TEST_BAO')

describe.runIf(bao !== undefined)('with a real OpenBao', () => {
  vaultBehaviour(() => startBao(bao ?? ''))
})
