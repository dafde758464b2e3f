/**
 * The shell scripts that run commands in a guest. Constant text: what varies comes as arguments and on stdin.
 *
 * A command is a transient systemd unit of its own, so that it outlives a restart of the guest agent (an upgrade of the
 * agent's package does that) and can be killed with all that it started; what it leaves running at its end goes on, as
 * on any machine. Its outputs are pipes, as programs expect (`> /dev/stderr` would cut a file). A relay (one unit for
 * all commands of a boot) takes them to files of `CHUNK_BYTES` each in /run, which the agent can read, and waits when
 * the reader lags `CHUNKS_AHEAD` behind: so a command that prints without end fills nothing. /run leaves no trace in
 * the disk.
 */
import { READ_WORDS } from '../unit-words.ts';

/** Folder of all that concerns commands, in the guest. */
export const GUEST_DIRECTORY = '/run/ingot';

/** Bytes in each file of a relayed stream; the last one has fewer. */
export const CHUNK_BYTES = 1 << 20;

/** Files that the relay is ahead of its reader at most, beside the one that it writes. */
export const CHUNKS_AHEAD = 8;

// A chunk that the reader has cut to nothing is done with; the file after the last chunk is empty, then `.end` appears.
// Without the pipe's name nobody reads any more: what others left running may go on printing.
const RELAY = `
relay() {
  n=0
  exec <"$1"
  while head -c ${CHUNK_BYTES} >"$1.$n" && [ -s "$1.$n" ]; do
    n=$((n + 1))
    if [ $n -ge ${CHUNKS_AHEAD} ]; then
      old="$1.$((n - ${CHUNKS_AHEAD}))"
      while [ -s "$old" ]; do sleep 0.02; done
      rm -f "$old"
    fi
  done
  if [ -p "$1" ]; then : >"$1.end"; else rm -f "$1".*; cat >/dev/null; fi
}
while read -r pipe; do relay "$pipe" & done <>"$1"
`;

// systemd tells what became of the main process in two variables: "exited 3", "killed KILL", "dumped SEGV".
const STATUS = 'echo "$EXIT_CODE $EXIT_STATUS" >"$1.status"\n';

// The command of a unit: its streams if they are pipes (the path without suffix, else `-`), its working directory, the
// command. See `unit-words.ts`.
const COMMAND = `${READ_WORDS}[ "$1" = - ] || exec >"$1.out" 2>"$1.err"
cd -- "$2" || exit 126
shift 2
exec "$@"
`;

// Whole or not there: two commands may be the first at once.
const PUT_COMMAND = `if ! [ -e "$r/command.sh" ]; then
  mkdir -p -m 0711 "$r"
cat >"$r/$id.command" <<'COMMAND'
${COMMAND}COMMAND
  chmod 0644 "$r/$id.command"
  mv -f "$r/$id.command" "$r/command.sh"
fi
`;

// ExecStopPost without the `+` that would run it as root: systemd 252 writes that down as `ExecStopPostEx`, which it
// does not know when it reads the unit anew (`systemctl daemon-reload`), and the command's end would be lost. Hence the
// status file of another user's own.
/**
 * Starts a command. Arguments: its id; what stdin holds (`none`, `input`, `script`, `file`: `ID.input` already there);
 * the user; the working directory; the number of environment settings, these, then the program and its arguments.
 * Stdin: the command's, or the script.
 */
export const LAUNCHER = `
set -e
r=${GUEST_DIRECTORY}; id=$1; d=$r/$1; stdin=$2; user=$3; cwd=$4; count=$5; shift 5
[ "$user" = root ] || id -u -- "$user" >/dev/null
${PUT_COMMAND}if ! [ -p "$r/control" ]; then
  umask 022
  mkdir -p -m 0711 "$r"
  if mkdir "$r/setup" 2>/dev/null; then
cat >"$r/relay.sh" <<'RELAY'
${RELAY}RELAY
cat >"$r/status.sh" <<'STATUS'
${STATUS}STATUS
    mkfifo -m 0600 "$r/control"
    # By itself head keeps back what is less than a block. What stdbuf says to it is inherited, so that it is said once
    # and not for each.
    unbuffered=; if command -v stdbuf >/dev/null; then unbuffered='/usr/bin/env stdbuf -o0'; fi
    systemd-run --quiet --collect --unit=ingot-relay --description='Ingot: output of commands' --service-type=exec -p UMask=0077 \\
      -- $unbuffered /bin/sh "$r/relay.sh" "$r/control" </dev/null
  else
    while ! [ -p "$r/control" ]; do sleep 0.05; done
  fi
fi
umask 077
mkfifo -m 0622 "$d.out" "$d.err"
# What Ingot reads is there from the first, so that it opens it once: the agent notes each opening in the journal.
: >"$d.out.0"; : >"$d.err.0"; : >"$d.status"
[ "$user" = root ] || chown -- "$user" "$d.status"
echo "$d.out
$d.err" >"$r/control"
input=null
case $stdin in
  none) ;;
  script) cat >"$d.script"; [ "$user" = root ] || chown -- "$user" "$d.script";;
  input) cat >"$d.input"; input=file:$d.input;;
  file) input=file:$d.input;;
esac
exec </dev/null
n=$#
while [ "$count" -gt 0 ]; do set -- "$@" "--setenv=$1"; shift; count=$((count - 1)); n=$((n - 1)); done
set -- "$@" -- /bin/sh "$r/command.sh" "$d" "$cwd"
while [ "$n" -gt 0 ]; do set -- "$@" "$1"; shift; n=$((n - 1)); done
exec systemd-run --quiet --collect --unit="ingot-$id" --description='Ingot: a command' --service-type=exec \\
  -p User="$user" -p StandardInput="$input" -p ExecStopPost="/bin/sh $r/status.sh $d" \\
  -p KillMode=process -p IgnoreSIGPIPE=no -p TasksMax=infinity -p OOMPolicy=continue -p TimeoutStopSec=10 "$@"
`;

/**
 * Runs a program of Ingot's own as the agent's child. Arguments: the working directory; seconds until it is killed, `0`
 * for no limit; the number of environment settings, these, then the program and its arguments.
 */
export const OWN_LAUNCHER = `
umask 022
cd -- "$1" || exit 126
limit=$2; count=$3; shift 3
while [ "$count" -gt 0 ]; do export "$1"; shift; count=$((count - 1)); done
[ "$limit" = 0 ] || exec timeout -s KILL "$limit" "$@"
exec "$@"
`;

/**
 * Ends streams that a command never opened, and removes its files; from then on the relay drops what others still
 * print. Argument: its id.
 */
export const FINISHER = `
d=${GUEST_DIRECTORY}/$1
for s in out err; do if [ -p "$d.$s" ]; then : <>"$d.$s"; fi; done
rm -f "$d".*
`;

/**
 * Who still has the pipes of a command open: a line for each process and pipe, with the stream, `relay` or `other`, and
 * what the process waits for in the kernel (`0` for nothing, or when the kernel does not say). Argument: the command's
 * id.
 */
export const HOLDERS = `
d=${GUEST_DIRECTORY}/$1
find /proc/[0-9]*/fd -lname "$d.out" -printf 'out %h\\n' -o -lname "$d.err" -printf 'err %h\\n' 2>/dev/null | while read -r stream fds; do
  case $(cat "$fds/../cgroup" 2>/dev/null) in *ingot-relay*) who=relay;; *) who=other;; esac
  echo "$stream $who $(cat "$fds/../wchan" 2>/dev/null)"
done
`;

/** Kills a command with all that it started. Argument: its id. */
export const KILLER = 'systemctl kill --signal=KILL "ingot-$1.service"';

/** Whether a command's unit is still there: prints its state. Argument: its id. */
export const UNIT_STATE = 'systemctl show --property=ActiveState --value "ingot-$1.service"';

/** Writes stdin to a file. Arguments: path, mode, name of the unfinished file. */
export const SMALL_PUT =
  'set -e; p=$1; mkdir -p -- "$(dirname -- "$p")"; umask 077; cat >"$3"; chmod -- "$2" "$3"; mv -fT -- "$3" "$p"';

/** Makes way for a file that the agent writes. Argument: path. */
export const LARGE_PUT_BEGIN = 'mkdir -p -- "$(dirname -- "$1")"';

/** Puts the file that the agent wrote in its place. Arguments as `SMALL_PUT`. */
export const LARGE_PUT_END = 'set -e; chmod -- "$2" "$3"; mv -fT -- "$3" "$1"';

/**
 * Starts a command whose streams are ports. Arguments: its id; the number of environment settings, these, then the
 * unit's program and its arguments. Finds the ports by their names, which do not need udev.
 */
export const STREAM_LAUNCHER = `
set -e
r=${GUEST_DIRECTORY}; id=$1; count=$2; shift 2
${PUT_COMMAND}port() {
  tries=0
  while [ $tries -lt 200 ]; do
    for each in /sys/class/virtio-ports/*; do
      if [ -r "$each/name" ] && read -r name <"$each/name" && [ "$name" = "ingot.$id.$1" ]; then echo "/dev/\${each##*/}"; return; fi
    done
    tries=$((tries + 1))
    sleep 0.05
  done
  echo 'its kernel shows no new virtio port (is the module virtio_console there?)' >&2
  return 1
}
in=$(port in); out=$(port out); err=$(port err)
n=$#
set -- "$@" "--setenv=INGOT_IN=$in" "--setenv=INGOT_OUT=$out" "--setenv=INGOT_ERR=$err"
while [ "$count" -gt 0 ]; do set -- "$@" "--setenv=$1"; shift; count=$((count - 1)); n=$((n - 1)); done
set -- "$@" -- /bin/sh "$r/command.sh" - /
while [ "$n" -gt 0 ]; do set -- "$@" "$1"; shift; n=$((n - 1)); done
exec systemd-run --quiet --collect --unit="ingot-$id" --description='Ingot: a command' --service-type=exec -p User=root \\
  -p KillMode=process -p IgnoreSIGPIPE=no -p TasksMax=infinity -p OOMPolicy=continue -p TimeoutStopSec=10 "$@" </dev/null
`;

/**
 * The unit of a command whose streams are ports. Arguments: path without suffix; `framed` or `raw` input; the program
 * and its arguments.
 */
export const STREAM_UNIT = `
files=$1; input=$2; shift 2
exec 3<"$INGOT_IN" >"$INGOT_OUT" 2>"$INGOT_ERR"
unset INGOT_IN INGOT_OUT INGOT_ERR
if [ "$input" = raw ]; then exec "$@" <&3 3<&-; fi
mkfifo -m 0600 "$files.in"
{ while read -r size && [ "$size" -gt 0 ]; do head -c "$size" || break; done; } <&3 >"$files.in" 2>/dev/null &
exec 3<&-
"$@" <"$files.in"
kill $! 2>/dev/null
rm -f "$files.in"
`;
