import { describe } from 'vitest'
import { FakeVault } from '../../support/vault/vault.ts'
import { vaultBehaviour } from './behaviour.ts'

describe('with the stand-in for Vault', () => vaultBehaviour(() => new FakeVault().start()))
