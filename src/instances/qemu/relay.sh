# shellcheck shell=sh
# The relay of outputs: reads names of pipes from the FIFO that is its argument, and takes each to files.
ahead=@CHUNKS_AHEAD@
relay() {
  n=0
  exec <"$1"
  while head -c @CHUNK_BYTES@ >"$1.$n" && [ -s "$1.$n" ]; do
    n=$((n + 1))
    if [ $n -ge $ahead ]; then
      old="$1.$((n - ahead))"
      while [ -s "$old" ]; do sleep 0.02; done
      rm -f "$old"
    fi
  done
  if [ -p "$1" ]; then : >"$1.end"; else rm -f "$1".*; cat >/dev/null; fi
}
while read -r pipe; do relay "$pipe" & done <>"$1"
