/**
 * The worst that a malicious guest can do to the host: make its own commands fail. Tested with a real socket and an
 * untrusted peer.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { connectQmp, QmpError } from '../../platform/qmp.ts';
import { runInGuest } from './commands.ts';
import { getFromGuest, putInGuest } from './guest-files.ts';
import { agentExec, guestAgent, GuestAgentError, GuestAgentMisbehaved, type GuestAgent } from './guest-agent.ts';

const LONG = { timeout: 60_000 };
let directory: string;
let count = 0;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ingot-agent-'));
});
after(() => rm(directory, { recursive: true }));
afterEach(() => {
  for (const closing of [...agents.splice(0), ...servers.splice(0)]) closing.close();
  for (const socket of sockets.splice(0)) socket.destroy();
});

const agents: GuestAgent[] = [];
const servers: Server[] = [];
const sockets: Socket[] = [];
type Question = { readonly execute: string; readonly arguments?: { readonly id?: number; readonly path?: string } };

/**
 * Listens on a socket.
 * @returns its path
 */
async function listen(serve: (socket: Socket) => void): Promise<string> {
  const path = join(directory, `${count++}.sock`);
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {}); // Its client may disconnect at any time.
    serve(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

/** An agent that answers with `answer`, once it is synchronized. */
async function hostile(answer: (socket: Socket, question: Question) => void): Promise<GuestAgent> {
  const agent = guestAgent(
    await listen((socket) => {
      let rest = '';
      socket.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString('latin1').replaceAll('\xff', '')).split('\n');
        rest = lines.pop()!;
        for (const line of lines) {
          const question = JSON.parse(line) as Question;
          if (question.execute === 'guest-sync-delimited')
            socket.write(`${JSON.stringify({ return: question.arguments!.id })}\n`);
          else answer(socket, question);
        }
      });
    }),
  );
  agents.push(agent);
  return agent;
}

/** Sends a piece repeatedly until the socket is closed. */
function flood(socket: Socket, piece: Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
    if (!socket.destroyed) socket.once('drain', more);
  };
  more();
}

describe('an agent that', () => {
  test('sends a line without end fails the command', LONG, async () => {
    const talk = await hostile((socket) => flood(socket, Buffer.alloc(1 << 20, 'x')));
    await assert.rejects(
      talk.execute('guest-ping'),
      (error: unknown) => error instanceof GuestAgentMisbehaved && /more than 48 MiB/.test(error.message),
    );
  });

  test('sends lines without end fails the command', LONG, async () => {
    const talk = await hostile((socket) => flood(socket, Buffer.from('{"x":\n'.repeat(100_000))));
    await assert.rejects(talk.execute('guest-ping'), GuestAgentMisbehaved);
  });

  test('sends unknown messages is ignored', LONG, async () => {
    const talk = await hostile((socket) => socket.write('null\n5\n"text"\n[]]\n{"return":"in the end"}\n'));
    assert.equal(await talk.execute('guest-ping'), 'in the end');
  });

  test('breaks off with half an answer, and then answers, is asked again by the next command', LONG, async () => {
    let first = true;
    const talk = await hostile((socket) => {
      if (first) socket.end('{"return":');
      else socket.write('{"return":1}\n');
      first = false;
    });
    await assert.rejects(talk.execute('guest-ping'));
    assert.equal(await talk.execute('guest-ping'), 1);
  });

  test('sends outputs of the wrong type fails the command', LONG, async () => {
    const talk = await hostile((socket, { execute }) =>
      socket.write(
        execute === 'guest-exec'
          ? '{"return":{"pid":1}}\n'
          : '{"return":{"exited":true,"exitcode":0,"out-data":{"a":1}}}\n',
      ),
    );
    await assert.rejects(
      agentExec(talk, ['true']),
      (error: unknown) =>
        error instanceof GuestAgentMisbehaved && /answered guest-exec-status with \{"exited":true/.test(error.message),
    );
    const refusing = await hostile((socket) => socket.write('{"error":{"desc":["no"]}}\n'));
    await assert.rejects(refusing.execute('guest-ping'), GuestAgentError);
  });

  test('answers with an empty map whatever is asked fails each command', LONG, async () => {
    const talk = await hostile((socket) => socket.write('{"return":{}}\n'));
    const guest = { agent: talk, check: () => {} };
    await assert.rejects(agentExec(talk, ['true']), /answered guest-exec with \{\}/);
    await assert.rejects(getFromGuest(guest, '/etc/hostname'), /answered guest-file-open with \{\}/);
  });

  test('reports repeatedly that it wrote nothing fails the copy', LONG, async () => {
    const talk = await hostile((socket, { execute }) => {
      const answers: Readonly<Record<string, unknown>> = {
        'guest-exec': { pid: 1 },
        'guest-exec-status': { exited: true, exitcode: 0 },
        'guest-file-open': 1,
        'guest-file-write': { count: 0 },
      };
      socket.write(`${JSON.stringify({ return: answers[execute] ?? {} })}\n`);
    });
    await assert.rejects(
      putInGuest({ agent: talk, check: () => {} }, '/root/x', Buffer.alloc(8 << 20)),
      /answered guest-file-write with \{"count":0\}/,
    );
  });

  test('rejects with a very long message has it shortened', LONG, async () => {
    const talk = await hostile((socket) =>
      socket.write(`${JSON.stringify({ error: { desc: 'no '.repeat(1 << 20) } })}\n`),
    );
    await assert.rejects(
      talk.execute('guest-ping'),
      (error: unknown) => error instanceof GuestAgentError && error.message.length < 5000,
    );
  });

  for (const [said, code] of [
    ["Invalid parameter 'pid'", 'unknown-process'],
    ["handle '7' has not been found", 'unknown-file'],
    ["failed to open file '/run/a.pid' (mode: 'r'): No such file or directory", 'no-such-file'],
    ["error was 'Failed to execute child process “/bin/sh” (Argument list too long)'", 'too-many-words'],
    ['Guest agent command failed, error was odd', 'other'],
  ] as const) {
    test(`rejects with '${said}' fails the command with the code ${code}`, LONG, async () => {
      const talk = await hostile((socket) => socket.write(`${JSON.stringify({ error: { desc: said } })}\n`));
      await assert.rejects(
        talk.execute('guest-ping'),
        (error: unknown) => error instanceof GuestAgentError && error.code === code,
      );
    });
  }

  test('cannot start words that are too long together fails the command as a shell does', LONG, async () => {
    const desc = 'Failed to execute child process “/bin/sh” (Argument list too long)';
    const talk = await hostile((socket) => socket.write(`${JSON.stringify({ error: { desc } })}\n`));
    const printed: string[] = [];
    const ended = await runInGuest(
      { agent: talk, check: () => {} },
      { argv: ['true'], onOutput: (stream, data) => printed.push(`${stream} ${data.toString()}`) },
    );
    assert.deepEqual(ended, { exitCode: 126, signal: null, timedOut: false });
    assert.deepEqual(printed, ['stderr /bin/sh: Argument list too long\n']);
  });

  test('reports the end of a command without end fails it', LONG, async () => {
    const talk = await hostile((socket, { execute, arguments: given }) => {
      const answer =
        {
          'guest-exec': { pid: 1 },
          'guest-exec-status': { exited: true, exitcode: 0 },
          'guest-file-open': given?.path?.endsWith('.status') ? 1 : 2,
          'guest-file-read': { 'buf-b64': Buffer.from('exited '.repeat(500)).toString('base64'), count: 3500 },
        }[execute] ?? {};
      socket.write(`${JSON.stringify({ return: answer })}\n`);
    });
    await assert.rejects(
      runInGuest({ agent: talk, check: () => {} }, { argv: ['true'] }),
      /exit status has more than 1024 bytes/,
    );
  });
});

/** A QMP socket that completes the connection and answers the next question with `answer`. */
function hostileQmp(answer: (socket: Socket) => void): Promise<string> {
  return listen((socket) => {
    let asked = 0;
    socket.on('data', () => (asked++ === 0 ? socket.write('{"return":{},"id":1}\n') : answer(socket)));
  });
}

describe('a QMP socket that', () => {
  for (const nonsense of ['{"no JSON\n', 'null\n']) {
    test(`answers ${nonsense.trim()} fails its command`, LONG, async () => {
      const qmp = await connectQmp(await hostileQmp((socket) => socket.write(nonsense)));
      await assert.rejects(
        qmp.execute('query-block'),
        (error: unknown) => error instanceof QmpError && /invalid QMP answer/.test(error.message),
      );
    });
  }

  test('rejects because something is busy fails its command with that code', LONG, async () => {
    const refusing = (desc: string) => async () => {
      const qmp = await connectQmp(
        await hostileQmp((socket) => socket.write(`${JSON.stringify({ error: { desc }, id: 2 })}\n`)),
      );
      return qmp.execute('chardev-remove').catch((error: unknown) => (error as QmpError).code);
    };
    assert.equal(await refusing("Chardev 'x' is busy")(), 'busy');
    assert.equal(await refusing("Chardev 'x' not found")(), undefined);
  });

  test('answers without end fails its command', LONG, async () => {
    const qmp = await connectQmp(await hostileQmp((socket) => flood(socket, Buffer.alloc(1 << 20, 'x'))));
    await assert.rejects(
      qmp.execute('query-block'),
      (error: unknown) => error instanceof QmpError && /more than 16 MiB/.test(error.message),
    );
  });
});
