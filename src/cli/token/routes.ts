import { buildRouteMap } from '@stricli/core'
import { command } from '../command.ts'
import { configFlag, outputFlag } from '../flags.ts'

const inspect = command({
  run: () => import('./inspect.ts'),
  parameters: { flags: { config: configFlag, output: outputFlag } },
  docs: {
    brief:
      'Explain which issuer, rule and class a token on standard input gets, and why not others',
    examples: ['credctl token inspect < /var/run/identity/token'],
    fullDescription:
      'Names of claims are shown, their values and the token never. Exits 0 when the broker would accept it.',
  },
})

export const tokenRoutes = buildRouteMap({
  routes: { inspect },
  docs: { brief: 'Identity tokens' },
})
