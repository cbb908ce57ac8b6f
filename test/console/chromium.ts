import { existsSync } from 'node:fs'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** A Chromium of the machine; `CREDCTL_CHROMIUM` names another one. Nothing is downloaded. */
export function findChromium(): string | undefined {
  const named = process.env['CREDCTL_CHROMIUM']
  return [...(named === undefined ? [] : [named]), ...PLACES].find((path) => existsSync(path))
}

/** Why the tests in a real browser do not run here; undefined when they do. */
export function whyNoChromium(): string | undefined {
  if (process.env['CREDCTL_TEST_CONSOLE'] === undefined) return 'npm run test:console runs them'
  if (findChromium() !== undefined) return undefined
  return `no Chromium: install it, or name one in CREDCTL_CHROMIUM; looked for ${PLACES.join(', ')}`
}
