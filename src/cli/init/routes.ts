import { command } from '../command.ts'
import { outputFlag } from '../flags.ts'

function numericId(text: string): string {
  if (/^\d{1,19}$/.test(text)) return text
  throw new SyntaxError('expected the numeric id, as gh api repos/OWNER/NAME shows it')
}

export const initCommand = command({
  run: () => import('./init.ts'),
  parameters: {
    flags: {
      githubOwnerId: {
        kind: 'parsed',
        parse: numericId,
        optional: true,
        placeholder: 'id',
        brief: 'Numeric id of the organisation or user on GitHub; nobody otherwise',
      },
      githubRepositoryId: {
        kind: 'parsed',
        parse: numericId,
        optional: true,
        placeholder: 'id',
        brief: 'Numeric id of the repository on GitHub; none otherwise',
      },
      yes: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Write without asking',
      },
      output: outputFlag,
    },
  },
  docs: {
    brief: 'Write a first configuration, a first scope and a check for pull requests',
    examples: [
      'credctl init',
      'credctl init --yes --github-owner-id 9919 --github-repository-id 81234567',
    ],
    fullDescription: 'Writes into the current directory, asks before, and never over a file.',
  },
})
