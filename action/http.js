// One request, one JSON answer. Redirects are not followed: a token goes where it was meant to go.
const TIMEOUT_MS = 30_000
const MAX_CHARACTERS = 1024 * 1024

/** Gives the status and the parsed body; a body that is no JSON object is undefined. */
export async function readJson(url, options = {}) {
  let response
  let text
  try {
    response = await fetch(url, {
      ...options,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    text = await response.text()
  } catch (error) {
    throw new Error(`no answer from ${url.origin}: ${reasonOf(error)}`)
  }
  if (text.length > MAX_CHARACTERS) throw new Error(`the answer of ${url.origin} is too large`)
  return { status: response.status, body: objectIn(text) }
}

/** Over TLS, or on this machine. */
export function isProtected({ protocol, hostname }) {
  const isLoopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname)
  return protocol === 'https:' || (protocol === 'http:' && isLoopback)
}

function objectIn(text) {
  try {
    const value = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

function reasonOf(error) {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (cause instanceof Error) return 'code' in cause ? String(cause.code) : cause.message
  return error.name === 'TimeoutError' ? `nothing within ${TIMEOUT_MS / 1000} s` : error.message
}
