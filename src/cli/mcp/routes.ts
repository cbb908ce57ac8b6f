import { numberParser } from '@stricli/core'
import { command } from '../command.ts'
import { brokerFlags, callerClassFlag, nonEmpty, outputFlag } from '../flags.ts'

const { kind, values, brief } = callerClassFlag

export const mcpCommand = command({
  run: () => import('./mcp.ts'),
  parameters: {
    flags: {
      ...brokerFlags,
      callerClass: { kind, values, brief, default: 'agent' },
      port: {
        kind: 'parsed',
        parse: port,
        optional: true,
        placeholder: 'number',
        brief: 'Serve streamable HTTP on this port of 127.0.0.1, instead of stdio',
      },
      tokenFile: {
        kind: 'parsed',
        parse: nonEmpty,
        optional: true,
        placeholder: 'file',
        brief: 'With --port: file of mode 0600 with the token that clients must send',
      },
      output: outputFlag,
    },
  },
  docs: {
    brief: 'Serve tasks to an agent over the Model Context Protocol',
    examples: ['credctl mcp'],
    fullDescription:
      'Tools list the scopes, plan, request, check and end tasks; what they answer are handles and facts, never a secret. Commands reach the credentials with credctl exec --grant HANDLE. The tasks end with this process.',
  },
})

function port(text: string): number {
  const value = numberParser(text)
  if (Number.isInteger(value) && value > 0 && value < 65536) return value
  throw new SyntaxError('expected a port from 1 to 65535')
}
