/** A guest and its agent: retries while it is silent. */
import { sleep } from '../../platform/clock.ts';
import { patient } from '../../platform/patience.ts';
import { GuestAgentError, GuestAgentSilent, type GuestAgent } from './guest-agent.ts';

/** A guest with a responding agent. `check` throws if the machine is gone, or was replaced. */
export interface Guest {
  readonly agent: GuestAgent;
  /** @throws {Error} with the reason */
  check(): void;
}

/**
 * How long the agent may be silent while a command runs, in milliseconds: an emulated machine under load, an upgrade of
 * the agent.
 */
export const SILENCE_MS = 120_000;

/**
 * Retries while the agent is silent (it restarts when its package is upgraded; an emulated machine may be slow), for
 * two minutes, as long as the machine exists.
 * @param again whether the question may be sent twice; if not, silence is an error
 */
export async function insist<T>(guest: Guest, question: () => Promise<T>, again = true): Promise<T> {
  const deadline = Date.now() + patient(SILENCE_MS);
  for (;;) {
    try {
      return await question();
    } catch (error) {
      guest.check();
      // A restarted agent does not know the programs of the previous one.
      const forgotten = error instanceof GuestAgentError && error.code === 'unknown-process';
      if (!again || !(error instanceof GuestAgentSilent || forgotten) || Date.now() > deadline) throw error;
      await sleep(200);
    }
  }
}

/** The kernel's id of the current boot. */
export async function bootId(agent: GuestAgent, timeoutMs = 10_000): Promise<string> {
  const handle = await agent.execute(
    'guest-file-open',
    { path: '/proc/sys/kernel/random/boot_id', mode: 'r' },
    timeoutMs,
  );
  try {
    const { 'buf-b64': data } = await agent.execute('guest-file-read', { handle, count: 64 }, timeoutMs);
    return Buffer.from(data, 'base64').toString('utf8').trim().slice(0, 100);
  } finally {
    await agent.execute('guest-file-close', { handle }).catch(() => {});
  }
}
