# Builds a Dockerfile, which comes on stdin; there is no build context. Arguments: the name of the image that it makes,
# then options for `buildah build`.
# shellcheck shell=sh
set -e
tag=$1
shift
rm -rf /work/context
mkdir /work/context
cat >/work/Dockerfile
exec buildah build --layers --format oci --network host --file /work/Dockerfile --tag "$tag" "$@" /work/context \
  </dev/null
