# Runs a program in a container of an image, once something is written to /run/start, and leaves its exit code on the
# disk. Arguments: name of the container, image, the program and its arguments.
# shellcheck shell=sh
HOME=/root TMPDIR=/work/tmp BUILDAH_ISOLATION=rootless
export HOME TMPDIR BUILDAH_ISOLATION
read -r _ </run/start
name=$1 image=$2
shift 2
code=125
if buildah from --quiet --pull-never --name "$name" "$image" >/dev/null; then
  buildah run --network host "$name" -- "$@"
  code=$?
fi
echo "$code" >/work/ended
echo >/run/end
