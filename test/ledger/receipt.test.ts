import { describe, expect, it } from 'vitest'
import { parseVkey } from '../../src/ledger/note.ts'
import { formatReceipt, parseReceipt, verifyReceipt } from '../../src/ledger/receipt.ts'

const CHECKPOINT = `broker.example/log
3
Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=

— broker.example/log dnqzmnE7HBqkXRciE23eSuLPiMG7SSQmwlKYRbzEzk+F8atVEf5IpB06cLBzNXZ66zudMNN8v7wLmXpZd56/GcOajAs=
`
const keys = [parseVkey('broker.example/log+767ab39a+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c')]
const RECEIPT = `c2sp.org/tlog-proof@v1
index 1
0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=
Zx8UbF5HHooag6PCFM5LqQe486WIjRTMjNPOdbsS75Q=

${CHECKPOINT}`
const entry = Buffer.from('two')

describe('a receipt', () => {
  it('proves the entry of the published vector', () => {
    expect(verifyReceipt(RECEIPT, entry, keys)).toMatchObject({
      index: 1,
      checkpoint: { origin: 'broker.example/log', size: 3 },
    })
  })

  it('is written as it is read', () => {
    expect(formatReceipt(parseReceipt(RECEIPT))).toBe(RECEIPT)
  })

  it('of a log with one entry has no hashes', () => {
    const receipt = { index: 0, proof: [], checkpoint: CHECKPOINT }
    expect(parseReceipt(formatReceipt(receipt))).toEqual(receipt)
  })

  it('may carry extra data, which is not believed', () => {
    const extra = RECEIPT.replace(
      'index',
      `extra ${Buffer.from('anything').toString('base64')}\nindex`,
    )
    expect(verifyReceipt(extra, entry, keys).index).toBe(1)
  })

  it.each([
    ['another entry', RECEIPT, 'three'],
    ['another index', RECEIPT.replace('index 1', 'index 0'), 'two'],
    ['an index outside the log', RECEIPT.replace('index 1', 'index 3'), 'two'],
    ['a missing hash', RECEIPT.replace(/0Nc2.*\n/, ''), 'two'],
    ['hashes in another order', RECEIPT.replace(/(0Nc2.*\n)(Zx8U.*\n)/, '$2$1'), 'two'],
    ['a changed checkpoint', RECEIPT.replace('\n3\n', '\n4\n'), 'two'],
    ['another origin', RECEIPT.replaceAll('broker.example', 'other.example'), 'two'],
  ])('with %s proves nothing', (_, receipt, body) => {
    expect(() => verifyReceipt(receipt, Buffer.from(body), keys)).toThrowError(
      expect.objectContaining({ code: 'log_invalid' }),
    )
  })

  it.each([
    ['no header', RECEIPT.replace('c2sp.org/tlog-proof@v1\n', '')],
    ['another version', RECEIPT.replace('@v1', '@v2')],
    ['a leading zero', RECEIPT.replace('index 1', 'index 01')],
    ['a negative index', RECEIPT.replace('index 1', 'index -1')],
    ['no index', RECEIPT.replace('index 1\n', '')],
    ['a short hash', RECEIPT.replace(/0Nc2.*\n/, 'AAAA\n')],
    ['loose base64', RECEIPT.replace('ek=', 'ek')],
    ['64 hashes', RECEIPT.replace(/(0Nc2.*\n)/, '$1'.repeat(64))],
    ['two extra lines', RECEIPT.replace('index', 'extra AA==\nextra AA==\nindex')],
    ['no blank line', RECEIPT.replace('\n\n', '\n')],
    ['nothing in it', ''],
  ])('with %s is malformed', (_, receipt) => {
    expect(() => verifyReceipt(receipt, entry, keys)).toThrowError(
      expect.objectContaining({ code: 'log_invalid' }),
    )
  })
})
