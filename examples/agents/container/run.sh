#!/bin/sh
# Runs a command in a container that has the credentials of the task and nothing else of this machine:
#
#   credctl exec --scope S --env E -- examples/agents/container/run.sh IMAGE COMMAND...
#
# The container shares the network of this machine, because the endpoint for AWS listens on it alone,
# and runs as this user, because the files are this user's.
set -eu
: "${CREDCTL_DIRECTORY:?run this under credctl exec}"
image=${1:?an image, then a command}
shift

for name in AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE AWS_REGION \
  AWS_DEFAULT_REGION AWS_EC2_METADATA_DISABLED PGHOST PGPORT PGDATABASE PGUSER PGSSLMODE PGOPTIONS \
  PGPASSFILE PGSERVICEFILE CREDCTL_GRANT; do
  # By name alone: docker takes the value from its own environment, and no argument shows it.
  if printenv "$name" > /dev/null; then variables="${variables-} --env $name"; fi
done

# shellcheck disable=SC2086 # names of variables have no spaces
exec docker run --rm --init --network host --user "$(id -u):$(id -g)" \
  --cap-drop ALL --security-opt no-new-privileges --read-only --tmpfs /tmp \
  --mount "type=bind,src=$CREDCTL_DIRECTORY,dst=$CREDCTL_DIRECTORY,readonly" \
  ${variables-} "$image" "$@"
