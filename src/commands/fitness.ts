/** Checks before a command starts whether this host can run it. */
import { CommandFailed } from './command.ts';
import { INGOT } from '../platform/own-program.ts';

/** @throws {CommandFailed} with everything that is missing, and the command that shows more */
export async function requireFitHost(purpose: 'build' | 'launch', dataDirectory: string): Promise<void> {
  const { blockingFor } = await import('../doctor/blocking.ts');
  const blocking = await blockingFor(purpose, dataDirectory);
  if (blocking.length === 0) return;
  throw new CommandFailed(
    `this host cannot ${purpose} images yet: ${blocking.join('; ')}. Run ${INGOT} doctor for everything that is ` +
      'missing and how to fix it.',
  );
}
