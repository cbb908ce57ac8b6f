// Credentials as the variables that tools read.

/** The targets that were asked for; two of one kind would overwrite each other's variables. */
export function chosenTargets(targets, wanted) {
  const names = wanted.split(/[\s,]+/).filter((name) => name !== '')
  const known = targets.map(({ name }) => name)
  const missing = names.filter((name) => !known.includes(name))
  if (missing.length > 0) {
    throw new Error(
      `input targets: the scope has no ${missing.join(', ')}, but ${known.join(', ')}`,
    )
  }
  const chosen = names.length === 0 ? targets : targets.filter(({ name }) => names.includes(name))
  for (const kind of ['aws', 'postgres']) {
    const same = chosen.filter((target) => target.kind === kind).map(({ name }) => name)
    if (same.length > 1) {
      throw new Error(
        `${same.join(' and ')} are both ${kind}: name one in the input targets, and use this action once for each`,
      )
    }
  }
  return chosen
}

export function variablesOf({ kind, region }, credential) {
  return kind === 'aws' ? awsVariables(region, credential) : postgresVariables(credential)
}

function awsVariables(region, { AccessKeyId, SecretAccessKey, Token, Expiration }) {
  return [
    variable('AWS_ACCESS_KEY_ID', AccessKeyId, true),
    variable('AWS_SECRET_ACCESS_KEY', SecretAccessKey, true),
    variable('AWS_SESSION_TOKEN', Token, true),
    variable('AWS_CREDENTIAL_EXPIRATION', Expiration),
    variable('AWS_REGION', region),
    variable('AWS_DEFAULT_REGION', region),
  ]
}

function postgresVariables({ host, port, database, user, password, sslmode }) {
  return [
    variable('PGHOST', host),
    variable('PGPORT', String(port)),
    variable('PGDATABASE', database),
    variable('PGUSER', user),
    variable('PGPASSWORD', password, true),
    variable('PGSSLMODE', sslmode),
  ]
}

/** One line of text: what a broker answers never sets a second variable. */
function variable(name, value, isSecret = false) {
  if (typeof value !== 'string' || value === '' || /[\r\n\0]/.test(value)) {
    throw new Error(`the broker answered no usable ${name}`)
  }
  return { name, value, isSecret }
}
