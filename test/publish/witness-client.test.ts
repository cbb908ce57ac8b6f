import { expect, it } from 'vitest'
import { submissionText } from '../../src/publish/witness-client.ts'

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
