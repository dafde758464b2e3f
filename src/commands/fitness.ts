/** A command that needs what this host lacks says so before it starts. */
import { CommandFailed } from './command.ts';
import { INGOT } from '../platform/own-program.ts';

/** @throws {CommandFailed} with all that is missing, and the command that shows more */
export async function requireFitHost(purpose: 'build' | 'launch', dataDirectory: string): Promise<void> {
  const { blockingFor } = await import('../doctor/blocking.ts');
  const blocking = await blockingFor(purpose, dataDirectory);
  if (blocking.length === 0) return;
  throw new CommandFailed(
    `this host cannot ${purpose} images yet: ${blocking.join('; ')}. Run ${INGOT} doctor for everything that is ` +
      'missing and how to fix it.',
  );
}
