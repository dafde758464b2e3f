# Gets the parent image of a build. Arguments: source, name of the parent, name of what the build goes on from, the
# folder that it may have come in, options for `buildah pull`. Keeps the digest of its manifest for the image's record.
# shellcheck shell=sh
set -e
source=$1 parent=$2 current=$3 folder=$4
shift 4
id=$(buildah pull --quiet "$@" "$source")
buildah tag "$id" "$parent" "$current"
buildah inspect --type image --format '{{.FromImageDigest}}' "$id" >/work/parent.digest
rm -rf "/work/$folder"
