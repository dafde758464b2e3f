# SetFileEncoding, for one item. Arguments: path, encoding.
# Writes into the same file, so that its owner, mode and links stay.
# shellcheck shell=bash
item() {
  path=$1 encoding=$2
  if [ ! -f "$path" ]; then if [ -e "$path" ]; then fail "$path is not a file"; else fail "$path does not exist"; fi; fi
  type iconv >/dev/null 2>&1 || fail "the program iconv is missing in this system"
  new=$(mktemp) || exit 1
  if ! iconv -f UTF-8 -t "$encoding" < "$path" > "$new" 2>/dev/null; then
    rm -f -- "$new"
    fail "$path is not text in UTF-8"
  fi
  cat "$new" > "$path" || { rm -f -- "$new"; exit 1; }
  rm -f -- "$new"
}
