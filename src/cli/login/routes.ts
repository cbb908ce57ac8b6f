import { command } from '../command.ts'
import { brokerFlags, nonEmpty, outputFlag } from '../flags.ts'

const text = { kind: 'parsed', parse: nonEmpty, optional: true } as const
const wish = { kind: 'boolean', default: false, withNegated: false } as const

export const loginCommand = command({
  run: () => import('./login.ts'),
  parameters: {
    flags: {
      broker: brokerFlags.broker,
      issuer: {
        ...text,
        placeholder: 'url',
        brief: 'Identity provider to sign in at; CREDCTL_LOGIN_ISSUER otherwise',
      },
      clientId: {
        ...text,
        placeholder: 'id',
        brief: 'Id of credctl at that provider; CREDCTL_LOGIN_CLIENT_ID otherwise',
      },
      device: { ...wish, brief: 'Sign in on another machine, by a code' },
      port: {
        kind: 'parsed',
        parse: port,
        default: '0',
        placeholder: 'number',
        brief: 'Port on 127.0.0.1 for the answer, where the provider knows one only; 0 for any',
      },
      maxAge: {
        kind: 'parsed',
        parse: seconds,
        optional: true,
        placeholder: 'seconds',
        brief: 'Sign in again if the last login is older',
      },
      acr: { ...text, placeholder: 'value', brief: 'Kind of login to ask for' },
      scopes: {
        ...text,
        placeholder: 'scopes',
        brief: "Asked for besides openid, such as 'email'; CREDCTL_LOGIN_SCOPES otherwise",
      },
      status: { ...wish, brief: 'Say who is signed in; exit 1 when nobody is' },
      logout: { ...wish, brief: 'Forget the token' },
      output: outputFlag,
    },
  },
  docs: {
    brief: "Sign in at your organisation's identity provider, as a person on a laptop",
    examples: [
      'credctl login --broker https://credctl.example.com',
      'credctl login --device',
      'credctl login --status',
    ],
    fullDescription:
      "Other commands use the token where no file with one is named. It is for this broker alone, kept in the system's keychain where there is one, in a file of yours otherwise, and never longer than it is good for.",
  },
})

function port(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new SyntaxError('expected a port, 0 to 65535')
}

function seconds(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text)
  throw new SyntaxError('expected a number of seconds')
}
