/**
 * Secrets that a program prints: `[vault, kv, get, -field=value, 'secret/{name}']`, `[pass, show, '{name}']`. `{name}`,
 * `{service}`, `{stage}`, `{version}`, `{account}` and `{region}` in its arguments are replaced; no shell is involved.
 */
import { patient } from '../platform/patience.ts';
import { ProcessError, run } from '../platform/processes.ts';
import { plainName, SecretError, withoutLastNewline, type ProviderType, type SecretQuery } from './provider.ts';

const TIMEOUT_MS = 30_000;

export const command: ProviderType = {
  settings: ['command'],
  make({ command: given }, fault) {
    const argv = Array.isArray(given) ? (given as readonly unknown[]) : [];
    if (argv.length === 0 || !argv.every((word) => typeof word === 'string' && word !== ''))
      fault('command', 'must be a list of a program and its arguments');
    else if (!argv.some((word) => String(word).includes('{name}')))
      fault('command', "must have '{name}' in one of its arguments, for the secret's name");
    return {
      describe: (query) => `the command ${argumentsFor(argv.map(String), query).slice(0, 2).join(' ')} …`,
      async look(query, signal) {
        const words = argumentsFor(argv.map(String), query);
        try {
          // The user's own program needs Ingot's environment: the address and token of a vault, a GPG agent and the
          // like.
          const { stdout } = await run(words, {
            inherit: 'all',
            timeoutMs: patient(TIMEOUT_MS),
            signal,
          });
          return withoutLastNewline(stdout);
        } catch (error) {
          signal?.throwIfAborted();
          if (!(error instanceof ProcessError)) throw error;
          // Its stdout may contain the secret; its stderr says why it failed.
          const said = error.stderr.trim().split('\n').at(-1) ?? '';
          const how = error.timedOut
            ? `did not finish within ${patient(TIMEOUT_MS) / 1000} s`
            : error.code === null
              ? 'could not be run'
              : `ended with exit code ${error.code}`;
          throw new SecretError(`the command ${words[0]} ${how}${said === '' ? '' : `: ${said.slice(0, 300)}`}`);
        }
      },
    };
  },
};

function argumentsFor(argv: readonly string[], query: SecretQuery): readonly string[] {
  const { service, stage = '', version = '', account, region } = query;
  const values: Readonly<Record<string, string>> = { name: plainName(query), service, stage, version, account, region };
  return argv.map((word, index) =>
    index === 0
      ? word
      : word.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? values[name]! : whole)),
  );
}
