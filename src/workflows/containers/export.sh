# Writes the image of a build as an OCI layout. The disk is sealed already: none of this stays on it.
# Arguments: the image, then options for `buildah config`.
# shellcheck shell=sh
set -e
image=$1
shift
rm -rf /work/out
name=$(buildah from --quiet --pull-never "$image")
buildah config "$@" "$name"
buildah commit --quiet --rm --format oci "$name" localhost/ingot:output >/dev/null
buildah push --quiet localhost/ingot:output oci:/work/out:image
