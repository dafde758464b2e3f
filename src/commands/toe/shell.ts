/** A shell in an instance of this process, without a server. */
import type { Instance } from '../../instances/instance.ts';
import { openShell } from '../../instances/terminal.ts';

/** Opens a login shell on this terminal and waits for its end. The terminal is restored in any case. */
export async function shellIn(instance: Instance): Promise<void> {
  const { stdin, stdout } = process;
  const size = (): { readonly rows: number; readonly columns: number } => ({
    rows: stdout.rows || 24,
    columns: stdout.columns || 80,
  });
  const shell = await openShell(instance, { size: size(), term: process.env['TERM'] || 'dumb' });
  const onInput = (bytes: Buffer): void => void shell.command.stdin.write(bytes);
  const onResize = (): void => void shell.resize(size()).catch(() => {}); // The next one may do.
  const restore = (): void => void stdin.setRawMode(false);
  process.once('exit', restore);
  try {
    if (shell.terminal) stdin.setRawMode(true);
    stdin.on('data', onInput);
    stdout.on('resize', onResize);
    shell.command.stdout.on('data', (bytes: Buffer) => void stdout.write(bytes));
    shell.command.stderr.on('data', (bytes: Buffer) => void process.stderr.write(bytes));
    await shell.command.ended;
  } finally {
    restore();
    process.off('exit', restore);
    stdin.off('data', onInput);
    stdout.off('resize', onResize);
    stdin.pause();
  }
}
