import type { ReasonCode } from '../../decision/reason.ts'
import type { ErrorCode } from '../../errors.ts'
import { OF_APPROVALS } from './explanations-approvals.ts'

/** What a code means, and what whoever met it can do. */
export interface Explanation {
  readonly means: string
  readonly next: string
}

const ASK_OPERATOR = 'Give the request id to an operator: the log of the broker has the cause.'

/** Every code there is: one without an explanation does not compile. */
export const EXPLANATIONS: Readonly<Record<ErrorCode | ReasonCode, Explanation>> = {
  allowed: {
    means: 'A rule of the scope names this caller, and nothing stands against the request.',
    next: 'Nothing.',
  },
  prod_for_agent_or_local: {
    means:
      'Production is never granted to an agent or a laptop. No scope, flag or approval changes that.',
    next: 'Let a CI job or a service do it, or work in an environment that is not production.',
  },
  admin_for_agent_local_or_workload: {
    means: 'The scope holds administrative actions, which only CI jobs and people may take.',
    next: 'Use a scope without them; credctl scope plan shows which actions they are.',
  },
  role_not_for_this_class: {
    means: 'An operator, approver or auditor role came with an identity that is not a person.',
    next: 'Remove the roles from that rule of the issuer, or make its class human.',
  },
  plan_not_of_this_scope: {
    means: 'The plan that was looked at belongs to another scope or environment.',
    next: ASK_OPERATOR,
  },
  ttl_out_of_bounds: {
    means: 'The scope asks for a longer or shorter life than grants may have.',
    next: 'Set ttl of the scope between 1m and 1h.',
  },
  unknown_class: {
    means: 'The caller has no class that decisions know.',
    next: 'Check the callers of its issuer in credctl.yaml.',
  },
  scope_unknown: {
    means: 'There is no such scope, or none that this caller may know of: both are answered alike.',
    next: 'Check the name with credctl scope list, and who may take it with credctl scope show.',
  },
  environment_unknown: {
    means: 'No environment of that name is configured.',
    next: 'Check the name against environments in credctl.yaml.',
  },
  environment_not_in_scope: {
    means: 'The scope does not list this environment.',
    next: 'Ask in one that it lists, or have the scope changed and reviewed.',
  },
  no_rule_for_caller: {
    means: 'No allow rule of the scope is for this class of caller from this issuer.',
    next: 'Add a rule to the scope and have it reviewed, or ask as somebody whom it names.',
  },
  claim_mismatch: {
    means: 'A rule is for this kind of caller, but a claim of its token has another value.',
    next: 'credctl token inspect shows which claims the token has; the scope says which it wants.',
  },
  plan_refused: {
    means:
      'No plan could be made: a parameter is missing or not accepted, or a target does not fit.',
    next: 'credctl scope plan with the same parameters says what is wrong and where.',
  },
  secret_in_parameter: {
    means:
      'A parameter holds what looks like a secret. It was not recorded, and the request refused.',
    next: 'Send the name of a secret, never its value, and roll over the one that was sent.',
  },
  ...OF_APPROVALS,
  intent_missing: {
    means: 'The request does not say what the task is for.',
    next: 'Give --intent with a sentence: it is what reviewers of the log read.',
  },
  outside_window: {
    means: 'The environment or the scope is only given in certain windows, and none is open.',
    next: 'Ask again when the message says that it opens; credctl windows show lists the windows.',
  },
  frozen: {
    means: 'A freeze holds: nothing that it covers is given until it ends.',
    next: 'Wait for its end, or have an operator except the scope from it in credctl.yaml.',
  },
  too_many_live_grants: {
    means: 'As many grants of this scope are live in this environment as its limits allow.',
    next: 'End one that is over (credctl grant list --live), or wait for one to expire.',
  },
  too_many_grants_today: {
    means: 'As many grants of this scope were given within 24 hours as its limits allow.',
    next: 'Wait, or have grants_per_day of the scope raised and reviewed.',
  },
  grant_expired: {
    means: 'The time of the grant is over.',
    next: 'Ask for a new one.',
  },
  grant_ended: {
    means: 'The grant was ended by its caller or an operator, or has expired.',
    next: 'Ask for a new one; credctl grant show tells who ended it.',
  },
  plan_changed: {
    means:
      'What the scope gives is not what was decided on: scope or environment changed meanwhile.',
    next: 'Ask again: the new plan is decided anew.',
  },
  config_invalid: {
    means: 'The configuration has problems, each of which is reported with its position.',
    next: 'Fix them; credctl.example.yaml explains every line.',
  },
  scopes_invalid: {
    means: 'A task scope has problems. One bad file refuses the whole catalogue.',
    next: 'Fix what credctl scope lint reports.',
  },
  secret_unresolvable: {
    means: 'A secret that the configuration refers to is not there, or empty.',
    next: 'credctl doctor names each reference that fails.',
  },
  token_missing: {
    means: 'The request carries no token.',
    next: 'Send Authorization: Bearer with an identity token or a grant token.',
  },
  token_malformed: {
    means: 'What was sent as a token is not one.',
    next: 'Check that the whole file is the token, and nothing else.',
  },
  token_type_refused: {
    means: 'The token is of another kind than this endpoint takes.',
    next: 'Send an identity token where identities are asked for, a grant token where grants are.',
  },
  token_header_refused: {
    means: 'The header of the token holds something that no honest issuer writes, such as a key.',
    next: 'Look at who made it.',
  },
  token_issuer_unknown: {
    means: 'No configured issuer has exactly this iss.',
    next: 'Compare it with issuers in credctl.yaml, to the last slash.',
  },
  token_algorithm_refused: {
    means: 'The token is signed with an algorithm that its issuer is not configured for.',
    next: 'Set algorithms of the issuer to what it signs with.',
  },
  token_signature_invalid: {
    means: 'The signature does not hold with any key that the issuer publishes.',
    next: 'Look at who made it; credctl doctor issuers checks the keys.',
  },
  token_audience_mismatch: {
    means: 'The token is for somebody else.',
    next: 'Ask the issuer for a token whose audience is the one configured for it.',
  },
  token_expired: { means: 'The token is past its exp.', next: 'Get a fresh one.' },
  token_not_yet_valid: {
    means: 'The token is from the future.',
    next: 'Synchronise the clocks of issuer and broker.',
  },
  token_lifetime_too_long: {
    means: 'The token lives longer than its issuer is configured for.',
    next: 'Ask for shorter tokens, or raise max_lifetime of the issuer.',
  },
  token_claim_missing: {
    means: 'A claim that is required is not in the token.',
    next: 'credctl token inspect lists the claims that are.',
  },
  token_claim_invalid: {
    means: 'A claim has a form or a value that its issuer kind refuses.',
    next: 'credctl token inspect says which one and why.',
  },
  token_replayed: {
    means: 'The token was used before, and its issuer is configured for single use.',
    next: 'Get a fresh one for each request; find out who else has it.',
  },
  token_revoked: {
    means: 'The cluster that issued the token no longer accepts it.',
    next: 'Its pod or service account was deleted: ask again from one that runs.',
  },
  proof_invalid: {
    means: 'The proof of possession does not fit the token or the request.',
    next: 'Make a new DPoP proof for this method, URL and token.',
  },
  proof_nonce_required: {
    means: 'The proof of possession needs a nonce of the broker.',
    next: 'Repeat with the nonce of the DPoP-Nonce header.',
  },
  authentication_insufficient: {
    means: 'The role of this person reaches that only after a newer or a stronger login.',
    next: 'Sign in again as the WWW-Authenticate header asks: credctl login --max-age or --acr.',
  },
  issuer_keys_unavailable: {
    means: 'The keys of the issuer cannot be fetched, so that nothing of it can be verified.',
    next: 'Try again; credctl doctor issuers tells an operator what the network says.',
  },
  caller_unclassified: {
    means:
      'The token is genuine, but no rule says what its caller is. What no rule names is refused.',
    next: 'credctl token inspect shows which claims each rule misses.',
  },
  caller_not_permitted: {
    means: 'This endpoint is not for callers of this class or role.',
    next: 'See /openapi.json for who may call it.',
  },
  request_invalid: {
    means: 'The request is malformed, or holds what the endpoint does not take.',
    next: 'See /openapi.json for its shape.',
  },
  request_too_large: {
    means: 'The request is larger than any that is needed.',
    next: 'Send less.',
  },
  media_type_unsupported: {
    means: 'The content type is not the one this endpoint reads.',
    next: 'Send application/json, or a form to /token.',
  },
  not_found: {
    means: 'There is nothing of that name, or nothing that this caller may see.',
    next: 'Check the name.',
  },
  rate_limited: {
    means: 'Too many requests were refused from here lately.',
    next: 'Wait as long as Retry-After says.',
  },
  access_denied: {
    means: 'The decision is no; the reasons have codes of their own.',
    next: 'credctl scope explain with the code of each reason.',
  },
  limit_reached: {
    means: 'A limit of the scope was used up by somebody else at the same moment.',
    next: 'Try again.',
  },
  grant_not_found: {
    means: 'There is no such grant, or it is somebody else’s: both are answered alike.',
    next: 'Check the id with credctl grant list.',
  },
  target_unknown: {
    means: 'The grant has no target of that name.',
    next: 'credctl scope show lists the targets of the scope.',
  },
  target_unavailable: {
    means: 'The target did not answer. The grant stays, and no credential was made.',
    next: 'Try again; an operator runs credctl doctor.',
  },
  target_refused: {
    means: 'The target answered, and something there is not as it must be.',
    next: 'An operator runs credctl doctor postgres or credctl doctor, which print the remedy.',
  },
  revocation_incomplete: {
    means: 'A credential is not gone yet everywhere.',
    next: 'The broker keeps trying; credctl grant show tells how far it is.',
  },
  ledger_unavailable: {
    means: 'Nothing can be recorded, so nothing is given.',
    next: 'Try again; an operator looks at the database of the ledger.',
  },
  ledger_diverged: {
    means: 'The database of the ledger holds a history that its key never signed.',
    next: 'Stop, keep everything as it is, and run credctl log verify on a copy.',
  },
  ledger_not_migrated: {
    means: 'The schema of the ledger is older or newer than this credctl.',
    next: 'Run credctl migrate, or the newer credctl.',
  },
  log_invalid: {
    means: 'A log, checkpoint or receipt is not what it claims to be.',
    next: 'credctl log verify tells what is wrong with a whole log.',
  },
  unavailable: {
    means: 'The broker, or something that it needs, cannot be reached.',
    next: 'Check the address, and try again.',
  },
  usage: {
    means: 'The command line does not say what is needed.',
    next: 'Run the command with --help.',
  },
  internal: { means: 'Something failed that should not.', next: ASK_OPERATOR },
}
