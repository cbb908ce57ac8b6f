import { buildRouteMap } from '@stricli/core'
import { command } from '../command.ts'
import { outputFlag } from '../flags.ts'
import { SHELLS, type Shell } from './shells.ts'

const propose = command({
  run: () => import('./propose.ts'),
  parameters: {
    flags: { output: outputFlag },
    positional: {
      kind: 'array',
      parameter: { placeholder: 'word', parse: String, brief: 'Words of a command line' },
    },
  },
  docs: {
    brief: 'What could stand for the last word, one a line',
    examples: ['credctl completion propose -- scope pl'],
  },
})

const script = command({
  run: () => import('./script.ts'),
  parameters: {
    flags: { output: outputFlag },
    positional: {
      kind: 'tuple',
      parameters: [{ placeholder: 'shell', parse: shell, brief: 'bash, zsh or fish' }],
    },
  },
  docs: {
    brief: 'Print the script that a shell reads at its start',
    examples: [
      'credctl completion script bash > ~/.local/share/bash-completion/completions/credctl',
      'credctl completion script zsh > ~/.zfunc/_credctl',
    ],
  },
})

function shell(text: string): Shell {
  const found = SHELLS.find((each) => each === text)
  if (found !== undefined) return found
  throw new SyntaxError(`expected ${SHELLS.join(' or ')}`)
}

export const completionRoutes = buildRouteMap({
  routes: { script, propose },
  docs: { brief: 'Completion for the shell', hideRoute: { propose: true } },
})
