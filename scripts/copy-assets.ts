import { cp } from 'node:fs/promises'

/** The compiler leaves out what it does not compile: the console's style, script and icon. */
await cp('src/console/assets', 'dist/console/assets', { recursive: true })
