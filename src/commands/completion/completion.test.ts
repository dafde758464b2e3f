/**
 * The completion scripts in the shells themselves. bash always exists where this runs; the others are tested if they
 * are installed.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../../platform/files.ts';
import { run } from '../../platform/processes.ts';
import { SHELLS } from './shells.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-completion-'));
  for (const shell of Object.keys(SHELLS))
    await writeFile(join(folder, shell), (await run([process.execPath, MAIN, 'completion', shell])).stdout);
});
after(() => rm(folder, { recursive: true }));

/** The completions that each shell offers at the end of a line, one word per line. */
const ASK: Readonly<Record<string, (line: string) => Promise<readonly string[]>>> = {
  async bash(line) {
    const script =
      'source "$1"; read -r -a COMP_WORDS <<<"$2"; if [[ $2 == *" " ]]; then COMP_WORDS+=(""); fi; ' +
      'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _ingot; printf "%s\\n" "${COMPREPLY[@]}"';
    return lines(await run(['bash', '-c', script, 'bash', join(folder, 'bash'), line]));
  },
  async fish(line) {
    return lines(
      await run(
        ['fish', '--no-config', '-c', 'source $argv[1]; complete --do-complete=$argv[2]', join(folder, 'fish'), line],
        { cwd: folder, env: { HOME: folder } },
      ),
    ).map((each) => each.split('\t')[0]!);
  },
  async zsh(line) {
    // Its completion needs a line editor, so the function is called with the line editor's input, and its completions
    // are captured.
    const script = `
      compdef() { :; }
      _describe() { local name=\${@[-1]}; print -rl -- \${\${(P)name}%%:*} }
      compadd() { shift; print -rl -- "$@" }
      _files() { print files }
      source $1
      line=$2
      words=(\${(z)line}); [[ $line == *" " ]] && words+=("")
      CURRENT=$#words PREFIX=$words[-1]
      _ingot`;
    return lines(await run(['zsh', '-f', '-c', script, 'zsh', join(folder, 'zsh'), line])).filter((each) =>
      each.startsWith(line.split(' ').at(-1)!),
    );
  },
};

function lines({ stdout }: { readonly stdout: string }): string[] {
  return stdout.split('\n').filter((each) => each !== '');
}

for (const [shell, ask] of Object.entries(ASK)) {
  const there = findProgram(shell) !== undefined;
  describe(`in ${shell}`, { skip: there ? false : `${shell} is not installed here: apt-get install ${shell}` }, () => {
    for (const [line, expected] of [
      ['ingot sh', ['shell']],
      ['ingot der', ['deregister']],
      ['ingot build --keep', ['--keep-for', '--keep-on-failure']],
      ['ingot instances --', ['--all', '--data', '--help', '--json', '--region']],
      ['ingot completion ', ['bash', 'fish', 'zsh']],
      ['ingot help lau', ['launch']],
    ] as const) {
      test(line, async () => assert.deepEqual([...(await ask(line))].sort(), expected));
    }
  });
}

test('bash loads the script, and completes files for unknown words', async () => {
  assert.deepEqual(await ASK['bash']!('ingot build --parameter '), []);
  assert.equal(
    (await run(['bash', '-c', 'source "$1"; complete -p ingot', 'bash', join(folder, 'bash')])).stdout.trim(),
    'complete -o default -F _ingot ingot',
  );
});
