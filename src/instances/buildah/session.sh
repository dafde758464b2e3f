# Makes the working container and keeps it running: its first process sleeps. Arguments: name of the container, image.
# shellcheck shell=sh
buildah rm "$1" >/dev/null 2>&1
buildah from --quiet --pull-never --name "$1" "$2" >/dev/null || exit
exec buildah run --network host --user root --workingdir / "$1" -- sleep infinity
