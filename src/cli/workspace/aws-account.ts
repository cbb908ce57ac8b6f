const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/**
 * The account that an access key belongs to: 40 bits of the id after its prefix, base32, shifted by
 * one (the answer of `aws sts get-access-key-info`, without asking). Ids made before 2019 hold
 * none: their fifth character is before `Q`.
 */
export function accountOfKey(id: string): string | undefined {
  if (!/^(?:AKIA|ASIA)[Q-Z2-7][A-Z2-7]{15}$/.test(id)) return undefined
  let bits = 0n
  for (const character of id.slice(4, 14)) {
    bits = (bits << 5n) | BigInt(BASE32.indexOf(character))
  }
  const account = ((bits >> 2n) & 0x7fffffffff80n) >> 7n
  return account < 10n ** 12n ? String(account).padStart(12, '0') : undefined
}
