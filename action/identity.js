// The identity token of the job: GitHub signs which repository, branch and environment it is.

import { isProtected, readJson } from './http.js'
import { mask } from './runner.js'

const MISSING =
  'GitHub gives this job no identity token: give it permissions: { id-token: write }. Pull requests from forks never get one.'

/** A fresh token each time: brokers take each one once, and they live for minutes. */
export async function identityToken(audience) {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } =
    process.env
  if (!address || !bearer) throw new Error(MISSING)
  const url = new URL(address)
  if (!isProtected(url)) throw new Error('ACTIONS_ID_TOKEN_REQUEST_URL is not an https URL')
  url.searchParams.set('audience', audience)
  const { status, body } = await readJson(url, { headers: { authorization: `Bearer ${bearer}` } })
  const token = body?.value
  if (status !== 200 || typeof token !== 'string' || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) {
    throw new Error(`GitHub gave no identity token (${status})`)
  }
  mask(token)
  return token
}
