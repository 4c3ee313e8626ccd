#!/bin/sh
# The documented command line of the canary scripts. All of the work is done by linnet: this finds
# the program and the spec, and hands everything on.
#   canary-deploy.sh init|status|deploy VERSION|traffic PERCENT|promote|rollback|monitor|cleanup
# The spec: --spec FILE, else $LINNET_SPEC, else canary.yaml beside this script.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

if [ -n "${LINNET:-}" ]; then
  linnet=$LINNET
elif [ -x "$here/../build/release/src/cli/linnet" ]; then
  linnet=$here/../build/release/src/cli/linnet
elif command -v linnet >/dev/null 2>&1; then
  linnet=linnet
else
  echo "canary-deploy.sh: linnet was not found; build it, put it on PATH, or set LINNET" >&2
  exit 4
fi

# linnet itself takes --spec before $LINNET_SPEC. A linnet.yaml in this directory is not meant here.
if [ -z "${LINNET_SPEC:-}" ] && [ -e "$here/canary.yaml" ]; then
  LINNET_SPEC=$here/canary.yaml
  export LINNET_SPEC
fi

[ $# -gt 0 ] || set -- --help
exec "$linnet" "$@"
