# Runs a command and leaves its exit code in a file. Arguments: the file, the command.
# shellcheck shell=sh
file=$1
shift
"$@"
echo $? >"$file.new"
mv "$file.new" "$file"
