/**
 * The shell scripts that run commands in a guest: the files beside this one. Constant text: what varies comes as
 * arguments and on stdin.
 *
 * A command is a transient systemd unit of its own, so that it outlives a restart of the guest agent (an upgrade of the
 * agent's package does that) and can be killed with all that it started; what it leaves running at its end goes on, as
 * on any machine. Its outputs are pipes, as programs expect (`> /dev/stderr` would cut a file). A relay (one unit for
 * all commands of a boot) takes them to files of `CHUNK_BYTES` each in /run, which the agent can read, and waits when
 * the reader lags `CHUNKS_AHEAD` behind: so a command that prints without end fills nothing. /run leaves no trace in
 * the disk.
 */
import { readScript } from '../../platform/scripts.ts';
import { READ_WORDS } from '../unit-words.ts';

/** Folder in the guest for everything about commands. */
export const GUEST_DIRECTORY = '/run/ingot';

/** Bytes in each file of a relayed stream; the last one has fewer. */
export const CHUNK_BYTES = 1 << 20;

/** How many files the relay may be ahead of its reader, besides the one that it writes. */
export const CHUNKS_AHEAD = 8;

// A chunk that the reader has cut to nothing is done with; the file after the last chunk is empty, then `.end` appears.
// Without the pipe's name nobody reads any more: what others left running may go on printing.
const RELAY = readScript(import.meta.url, 'relay.sh', { CHUNK_BYTES, CHUNKS_AHEAD });

// systemd tells what became of the main process in two variables: "exited 3", "killed KILL", "dumped SEGV".
const STATUS = readScript(import.meta.url, 'status.sh');

// The command of a unit: its streams if they are pipes (the path without suffix, else `-`), its working directory, the
// command. See `unit-words.ts`.
const COMMAND = readScript(import.meta.url, 'command.sh', { READ_WORDS });

// Complete or absent: two commands may be the first at the same time.
const PUT_COMMAND = readScript(import.meta.url, 'put-command.sh', { COMMAND });

// ExecStopPost without the `+` that would run it as root: systemd 252 writes that down as `ExecStopPostEx`, which it
// does not know when it reads the unit anew (`systemctl daemon-reload`), and the command's end would be lost. Hence the
// status file of another user's own.
/**
 * Starts a command. Arguments: its id; what stdin holds (`none`, `input`, `script`, `file`: `ID.input` already there);
 * the user; the working directory; the number of environment settings, these, then the program and its arguments.
 * Stdin: the command's, or the script.
 */
export const LAUNCHER = readScript(import.meta.url, 'launcher.sh', { PUT_COMMAND, RELAY, STATUS, GUEST_DIRECTORY });

/**
 * Runs a program of Ingot's own as the agent's child. Arguments: the working directory; seconds until it is killed, `0`
 * for no limit; the number of environment settings, these, then the program and its arguments.
 */
export const OWN_LAUNCHER = readScript(import.meta.url, 'own-launcher.sh');

/**
 * Ends streams that a command never opened, and removes its files; from then on the relay drops what others still
 * print. Argument: its id.
 */
export const FINISHER = readScript(import.meta.url, 'finisher.sh', { GUEST_DIRECTORY });

/**
 * Who still has the pipes of a command open: a line for each process and pipe, with the stream, `relay` or `other`, and
 * what the process waits for in the kernel (`0` for nothing, or when the kernel does not say). Argument: the command's
 * id.
 */
export const HOLDERS = readScript(import.meta.url, 'holders.sh', { GUEST_DIRECTORY });

/** Kills a command with all that it started. Argument: its id. */
export const KILLER = readScript(import.meta.url, 'kill.sh');

/** Whether a command's unit is still there: prints its state. Argument: its id. */
export const UNIT_STATE = readScript(import.meta.url, 'unit-state.sh');

/** Writes stdin to a file. Arguments: path, mode, name of the unfinished file. */
export const SMALL_PUT = readScript(import.meta.url, 'put-small.sh');

/** Prepares a file that the agent writes. Argument: path. */
export const LARGE_PUT_BEGIN = readScript(import.meta.url, 'put-large-begin.sh');

/** Moves the file that the agent wrote to its place. Arguments as `SMALL_PUT`. */
export const LARGE_PUT_END = readScript(import.meta.url, 'put-large-end.sh');

/**
 * Starts a command whose streams are ports. Arguments: its id; the number of environment settings, these, then the
 * unit's program and its arguments. Finds the ports by their names, which do not need udev.
 */
export const STREAM_LAUNCHER = readScript(import.meta.url, 'stream-launcher.sh', { PUT_COMMAND, GUEST_DIRECTORY });

/**
 * The unit of a command whose streams are ports. Arguments: path without suffix; `framed` or `raw` input; the program
 * and its arguments.
 */
export const STREAM_UNIT = readScript(import.meta.url, 'stream-unit.sh');
