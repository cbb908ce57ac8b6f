/** Over TLS, or on this machine; without user, query or fragment. */
export function isSafe(url: URL): boolean {
  const isBare = url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  return isBare && isProtected(url)
}

/** Tokens never cross a network in the clear. */
export function isProtected({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}

/** Of a parsed URL, whose IPv4 addresses have one spelling (WHATWG URL, "host parser"). */
function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname === '[::1]' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
  )
}
