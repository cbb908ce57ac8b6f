/**
 * What a PostgreSQL credential can still do, and what revoking it reaches. Every escape in
 * `test/mint/postgres/escapes/` that PostgreSQL does not refuse names one of these.
 */
export const GUARANTEES = {
  revocation:
    'Revoking ends the login and its sessions at once; statements that already committed stay.',
  expiry:
    'PostgreSQL ends no session at expiry by itself: the broker does, when it runs; new logins are refused without it.',
  own_settings:
    'A session can change its own settings, password and time limits; a watchdog of the broker holds the limits.',
  locks:
    'LOCK TABLE is possible on declared tables with update or delete; a watchdog ends the session within seconds.',
  load: 'CPU, memory, disk and write-ahead log that declared verbs can cause are not limited.',
  notifications: 'Sessions of one database can signal each other with LISTEN and NOTIFY.',
  catalogue:
    'Names, definitions, role names and settings in the system catalogue can be read; rows of other tables cannot.',
  foreign_keys:
    'Foreign keys reveal whether a referenced key exists, and act on other tables only where the preflight was told to accept it.',
  accepted:
    'What an operator accepted for the target in spite of the preflight stays possible; the log names it with each credential.',
  unhardened:
    'Without `credctl postgres harden`: temporary objects, DO blocks, large objects and advisory locks are possible; revocation removes what they leave.',
} as const

export type GuaranteeName = keyof typeof GUARANTEES
