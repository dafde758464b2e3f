/**
 * The shell scripts that run commands in a guest: the files beside this one. Their text is constant; variable parts are
 * arguments or stdin.
 *
 * A command is a transient systemd unit, so that it survives a restart of the guest agent (an upgrade of its package
 * does that) and can be killed with everything that it started. Processes that it leaves running continue, as on any
 * machine. Its outputs are pipes, as programs expect (`> /dev/stderr` would truncate a file). A relay (one unit for all
 * commands of a boot) copies them to files of `CHUNK_BYTES` each in /run, which the agent can read, and waits when the
 * reader is `CHUNKS_AHEAD` behind. So a command that prints without end fills nothing. /run leaves no trace on the
 * disk.
 */
import { readScript } from '../../platform/scripts.ts';
import { READ_WORDS } from '../unit-words.ts';

/** Folder in the guest for everything about commands. */
export const GUEST_DIRECTORY = '/run/ingot';

/** Bytes in each file of a relayed stream; the last one has fewer. */
export const CHUNK_BYTES = 1 << 20;

/** How many files the relay may be ahead of its reader, besides the one that it writes. */
export const CHUNKS_AHEAD = 8;

// A chunk that the reader truncated is finished. After the last chunk comes an empty file, then `.end`. Once the pipe's
// name is removed nobody reads, so processes left running may keep printing.
const RELAY = readScript(import.meta.url, 'relay.sh', { CHUNK_BYTES, CHUNKS_AHEAD });

// systemd passes how the main process ended in two variables: "exited 3", "killed KILL", "dumped SEGV".
const STATUS = readScript(import.meta.url, 'status.sh');

// The command of a unit: its streams if they are pipes (the path without suffix, otherwise `-`), its working directory,
// the command. See `unit-words.ts`.
const COMMAND = readScript(import.meta.url, 'command.sh', { READ_WORDS });

// Complete or absent: two commands may be the first at the same time.
const PUT_COMMAND = readScript(import.meta.url, 'put-command.sh', { COMMAND });

// ExecStopPost without the `+` that would run it as root: systemd 252 serializes that as `ExecStopPostEx`, which it
// does not understand after `systemctl daemon-reload`, and the command's status would be lost. So the status file
// belongs to the command's user.
/**
 * Starts a command. Arguments: its id; what stdin contains (`none`, `input`, `script`, `file`: `ID.input` exists
 * already); the user; the working directory; the number of environment settings, these, then the program and its
 * arguments. Stdin: the command's, or the script.
 */
export const LAUNCHER = readScript(import.meta.url, 'launcher.sh', { PUT_COMMAND, RELAY, STATUS, GUEST_DIRECTORY });

/**
 * Runs one of Ingot's own programs as the agent's child. Arguments: the working directory; seconds until it is killed,
 * `0` for no limit; the number of environment settings, these, then the program and its arguments.
 */
export const OWN_LAUNCHER = readScript(import.meta.url, 'own-launcher.sh');

/**
 * Ends streams that a command never opened, and removes its files. From then on the relay drops the output of processes
 * left running. Argument: its id.
 */
export const FINISHER = readScript(import.meta.url, 'finisher.sh', { GUEST_DIRECTORY });

/**
 * Lists the processes that have the pipes of a command open: a line for each process and pipe, with the stream, `relay`
 * or `other`, and what the process waits for in the kernel (`0` for nothing, or if unknown). Argument: the command's
 * id.
 */
export const HOLDERS = readScript(import.meta.url, 'holders.sh', { GUEST_DIRECTORY });

/** Kills a command with everything that it started. Argument: its id. */
export const KILLER = readScript(import.meta.url, 'kill.sh');

/** Prints the state of a command's unit, if it exists. Argument: its id. */
export const UNIT_STATE = readScript(import.meta.url, 'unit-state.sh');

/** Writes stdin to a file. Arguments: path, mode, name of the temporary file. */
export const SMALL_PUT = readScript(import.meta.url, 'put-small.sh');

/** Prepares a file that the agent writes. Argument: path. */
export const LARGE_PUT_BEGIN = readScript(import.meta.url, 'put-large-begin.sh');

/** Moves the file that the agent wrote to its destination. Arguments as `SMALL_PUT`. */
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
