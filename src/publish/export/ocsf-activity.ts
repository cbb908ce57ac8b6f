import type { Entry, EntryCaller, GrantDecided } from '../../ledger/entry.ts'

/** What happened, in the words of OCSF. */
export interface Activity {
  readonly classUid: 3003 | 3004
  readonly className: 'Authorize Session' | 'Entity Management'
  readonly id: number
  readonly name: string
  readonly status: 'Success' | 'Failure' | 'Other'
  /** 1 informational, 2 low, 3 medium. */
  readonly severity: 1 | 2 | 3
  readonly message: string
  /** Further attributes of the class. */
  readonly [attribute: string]: unknown
}

const CREATE = { id: 1, name: 'Create' } as const
const UPDATE = { id: 3, name: 'Update' } as const
const DELETE = { id: 4, name: 'Delete' } as const
const DISABLE = { id: 9, name: 'Disable' } as const
const OTHER = 99

export function activityOf(entry: Entry): Activity {
  switch (entry.kind) {
    case 'grant.decided':
      return decided(entry)
    case 'grant.ended':
      return managed(DELETE, ['Grant', entry.grant], {
        message: `grant ended: ${entry.cause}`,
        status_code: entry.cause,
        ...(entry.by === undefined ? {} : { actor: { user: user(entry.by) } }),
      })
    case 'credential.requested':
      return managed(other('Request'), ['Credential', entry.credential], {
        message: `credential for ${entry.target} about to be made`,
      })
    case 'credential.minted':
      return managed(CREATE, ['Credential', entry.credential, entry.fingerprint], {
        message: `credential for ${entry.target} made, valid until ${entry.expires}`,
      })
    case 'credential.refused':
      return managed(CREATE, ['Credential', entry.target], {
        ...failure,
        message: `credential for ${entry.target} refused`,
        ...reasons(entry.reasons),
      })
    case 'credential.failed':
      return managed(CREATE, ['Credential', entry.credential], {
        ...failure,
        message: `credential for ${entry.target} could not be made`,
        status_code: entry.code,
      })
    case 'credential.revoked':
      return managed(
        entry.outcome === 'gone' ? DELETE : DISABLE,
        ['Credential', entry.credential],
        { message: `credential for ${entry.target} ended: ${entry.outcome}` },
      )
    case 'credential.wrapped':
      return managed(UPDATE, ['Credential', entry.credential], {
        message: `credential for ${entry.target} given out wrapped, until ${entry.expires}`,
      })
    case 'credential.wrapping_alarm':
      return managed(UPDATE, ['Credential', entry.credential], {
        severity: 5,
        message: `credential for ${entry.target}: its wrapping was ${entry.finding}`,
        status_code: entry.finding,
      })
    case 'session.ended':
      return managed(DELETE, ['Session', entry.login], {
        severity: 3,
        message: `session at ${entry.target} ended, it exceeded ${entry.breach}: ${entry.detail}`,
        status_code: entry.breach,
      })
    case 'openings.erased':
      return managed(DELETE, ['Committed values', entry.of], {
        message: `${entry.erased} committed values can no longer be read`,
        ...(entry.by === undefined ? {} : { actor: { user: user(entry.by) } }),
      })
    case 'catalogue.loaded':
      return managed(UPDATE, ['Policy', entry.catalogue], {
        message: `${Object.keys(entry.scopes).length} task scopes in force`,
      })
    case 'keys.loaded':
      return managed(UPDATE, ['Key', entry.log], {
        message: `the log is signed by ${entry.log}`,
      })
    default:
      return of(entry)
  }
}

/** Kinds that need no words of their own. */
function of(entry: Entry): Activity {
  const { kind, ...rest } = entry
  const [entity = kind, activity = kind] = kind.split('.')
  const uid = 'grant' in rest ? rest.grant : rest.request
  return managed(other(activity), [capital(entity), uid], {
    message: `${entity} ${activity}`,
    ...('by' in rest && rest.by !== undefined ? { actor: { user: user(rest.by) } } : {}),
  })
}

const failure = { status: 'Failure', severity: 2 } as const

function decided(entry: GrantDecided): Activity {
  const { caller, scope, environment, decision, grant, expires, time } = entry
  const status = { allow: 'Success', deny: 'Failure' }[decision as string] ?? 'Other'
  return {
    classUid: 3003,
    className: 'Authorize Session',
    id: 1,
    name: 'Assign Privileges',
    status: status as Activity['status'],
    severity: decision === 'deny' ? 2 : 1,
    message: `${decision}: ${caller.class} ${caller.subject} of ${caller.issuer}, ${scope.name} in ${environment.name}: ${entry.intent}`,
    user: user(caller),
    actor: { user: user(caller) },
    privileges: [`${scope.name} in ${environment.name}`],
    session: {
      uid: grant,
      issuer: caller.issuer,
      created_time: Date.parse(time),
      ...(expires === undefined ? {} : { expiration_time: Date.parse(expires) }),
    },
    ...reasons(entry.reasons),
  }
}

/** Something about one entity: its type, its id and, where it has one, its name. */
function managed(
  activity: { readonly id: number; readonly name: string },
  [type, uid, name]: readonly [string, string, string?],
  attributes: { readonly message: string; readonly [attribute: string]: unknown },
): Activity {
  const entity = { type_id: type === 'Policy' ? 5 : OTHER, type, uid }
  const named = name === undefined ? entity : { ...entity, name }
  return {
    classUid: 3004,
    className: 'Entity Management',
    ...activity,
    status: 'Success',
    severity: 1,
    entity: type === 'Policy' ? { ...named, policy: { uid, name: 'task scopes' } } : named,
    ...attributes,
  }
}

function other(name: string) {
  return { id: OTHER, name }
}

/** OCSF knows users and systems; ours is neither, so its class is the type. */
function user({ class: type, issuer, subject }: EntryCaller) {
  return { uid: subject, name: subject, domain: issuer, type_id: OTHER, type }
}

function reasons(all: readonly { readonly code: string; readonly message: string }[]) {
  return {
    ...(all[0] === undefined ? {} : { status_code: all[0].code }),
    status_detail: all.map(({ message }) => message).join('; '),
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
