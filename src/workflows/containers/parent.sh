# Gets the parent image of a build. Arguments: source, name of the parent, name of what the build goes on from, the
# folder that it may have come in.
# shellcheck shell=sh
set -e
id=$(buildah pull --quiet "$1")
buildah tag "$id" "$2" "$3"
rm -rf "/work/$4"
