import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseVkey } from '../../src/ledger/note.ts'
import { addCheckpoint, submissionText } from '../../src/publish/witness-client.ts'

/** The example of C2SP tlog-witness. */
const EXAMPLE = `old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
`

it('asks a witness as the specification writes it', () => {
  const end = EXAMPLE.indexOf('\n\n')
  const [, ...lines] = EXAMPLE.slice(0, end).split('\n')
  const proof = lines.map((line) => Buffer.from(line, 'base64'))
  const checkpoint = EXAMPLE.slice(end + 2)
  expect(submissionText({ old: 20_852_014, proof, checkpoint })).toBe(EXAMPLE)
})

it('asks without a proof when nobody knows where the witness is', () => {
  const checkpoint = EXAMPLE.slice(EXAMPLE.indexOf('\n\n') + 2)
  expect(submissionText({ old: 0, proof: [], checkpoint })).toBe(`old 0\n\n${checkpoint}`)
})

it('takes no answer for a cosignature that is none, whatever a witness answers', async () => {
  const witness = {
    name: 'w',
    url: 'https://witness.example',
    key: parseVkey('witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU'),
  }
  const checkpoint = EXAMPLE.slice(EXAMPLE.indexOf('\n\n') + 2)
  const line = fc
    .uint8Array({ minLength: 60, maxLength: 90 })
    .map(
      (bytes) =>
        `— witness.example/w1 ${Buffer.concat([Buffer.from('df1c0a35', 'hex'), bytes]).toString('base64')}\n`,
    )
  const body = fc.oneof(
    line,
    fc.uint8Array({ maxLength: 200 }),
    fc.string(),
    fc.constantFrom('7\n', '7', ''),
  )
  const status = fc.constantFrom(200, 201, 302, 400, 403, 404, 409, 418, 422, 500, 503)
  const type = fc.constantFrom('text/x.tlog.size', 'text/plain', '')
  await fc.assert(
    fc.asyncProperty(status, type, body, async (code, contentType, text) => {
      const response = new Response(text, {
        status: code,
        headers: { 'content-type': contentType },
      })
      const submission = { checkpoint, old: 5, proof: [] }
      const fetcher: typeof fetch = async () => response
      const answer = await addCheckpoint(witness, submission, { now: () => new Date(), fetcher })
      expect(answer.outcome).not.toBe('cosigned')
      if (answer.outcome === 'elsewhere') expect([code, answer.size]).toEqual([409, 7])
    }),
  )
})
