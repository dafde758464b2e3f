import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shellCommands } from './shell-commands.ts';
import { stated } from '../../../test/harness/stated.ts';

/** Each command as its words joined by a space, nested ones first. */
const CASES: readonly (readonly [script: string, commands: readonly string[]])[] = [
  ['a b; c && d || e | f & g', ['a b', 'c', 'd', 'e', 'f', 'g']],
  ['a \\\n  b\nc', ['a b', 'c']],
  ['# a\nb # c\nd#e', ['b', 'd#e']],
  ['echo "a; b" \'c; d\' e\\;f', ['echo a; b c; d e;f']],
  ['echo "x $(a b) `c d`" $(e $(f))', ['a b', 'c d', 'f', 'e $(f)', 'echo x $(a b) `c d` $(e $(f))']],
  ['if a; then b; elif c; then d; else e; fi', ['a', 'b', 'c', 'd', 'e']],
  ['while a; do b; done; until c; do d; done', ['a', 'b', 'c', 'd']],
  ['for x in a b c; do d "$x"; done', ['d $x']],
  ['case "$1" in\n  modprobe) a ;;\n  b|c) d ;;\nesac\ne', ['a', 'd', 'e']],
  ['case $x in a) b;; esac; c', ['b', 'c']],
  ['case $x in (a) b;; *) case y in c|d) e;; esac;; esac; f', ['b', 'e', 'f']],
  ['a $(case x in b) c;; esac) d\ne', ['c', 'a $(case x in b) c;; esac) d', 'e']],
  ['if [ "$(a)" = "b" ]; then\n  c\nfi', ['a', '[ $(a) = b ]', 'c']],
  ['echo a >> /x || { b; c; }', ['echo a', 'b', 'c']],
  ['f() { a; }\nfunction g { b; }\n(c; d)', ['a', 'b', 'c', 'd']],
  ['X=1 Y="a b" c d', ['c d']],
  ['X=(a b)\nc', ['c']],
  ['X=$(a)', ['a']],
  ['(( x < 3 )) && a; y=$(( x << 2 )); b', ['a', 'b']],
  ['[[ -e /x && ! -d /y ]] && a', ['[[ -e /x', '-d /y ]]', 'a']],
  ['sudo a b; sudo -u root -E a; sudo X=1 a; $SUDO a; ${SUDO} a', ['a b', 'a', 'a', 'a', 'a']],
  ['/usr/sbin/a b', ['a b']],
  ['env -i X=1 a; nohup a &\ntimeout -s KILL 30 a b; timeout 5 sudo nice -n 5 a', ['a', 'a', 'a b', 'a']],
  ['command -v a; command a', ['command -v a', 'a']],
  ['echo x | xargs -n 1 a b', ['echo x', 'a b']],
  ['bash -c "a; b"; sh -ec \'c\'', ['a', 'b', 'bash -c a; b', 'c', 'sh -ec c']],
  ['su - user -c "a b"', ['a b', 'su - user -c a b']],
  ['eval "a b"', ['a b', 'eval a b']],
  ['find / -name x -exec a {} \\; -exec b {} +', ['a {}', 'b {}', 'find / -name x -exec a {} ; -exec b {} +']],
  ['trap "a b" EXIT', ['a b', 'trap a b EXIT']],
  ['cat > /x <<EOF\na b\n$(c)\nEOF\nd', ['c', 'cat', 'd']],
  ["cat > /x <<'EOF'\n$(c)\nEOF\nd", ['cat', 'd']],
  ['cat <<-A <<B\n\tx\n\tA\ny\nB\nd', ['cat', 'd']],
  ['bash <<EOF\na\nEOF', ['a', 'bash']],
  ['a <<< "b c"', ['a']],
  ['a < <(b)\nc > >(d)', ['b', 'a <(b)', 'd', 'c >(d)'].toSorted()],
  ['a 2>/dev/null >&2 &>/x', ['a']],
  ['! a', ['a']],
  ['a ${b:-$(c)} ${d#*)}', ['c', 'a ${b:-$(c)} ${d#*)}']],
  ['a "unfinished', ['a unfinished']],
  ['a $(b', ['b', 'a $(b']],
  ["a 'b\nc'\nd", ['a b\nc', 'd']],
  [')', []],
  ['', []],
];

for (const [script, expected] of CASES) {
  test(`commands of ${JSON.stringify(script)}`, () => {
    const found = shellCommands(script)
      .map(({ words }) => words.join(' '))
      .filter((text) => text !== '');

    assert.deepEqual(found.toSorted(), expected.toSorted());
  });
}

test('redirections of output and input', () => {
  const [first, second, third] = shellCommands('echo 1 > /a 2>>/b\nc < /d\n> /e');

  assert.deepEqual(first?.writes, ['/a', '/b']);
  assert.deepEqual(second?.reads, ['/d']);
  assert.deepEqual(stated(third), { words: [], program: '', writes: ['/e'], reads: [], line: 3 });
});

test('files that a shell runs', () => {
  assert.deepEqual(
    shellCommands('bash -x /a.sh b; . /c; source /d').map(({ runs }) => runs),
    ['/a.sh', '/c', '/d'],
  );
});

test('lines', () => {
  const script = 'a\n\nb \\\n c\ncat <<E\nx\nE\nd "1\n2"\ne';
  assert.deepEqual(
    shellCommands(script).map(({ words, line }) => [words[0], line]),
    [
      ['a', 1],
      ['b', 3],
      ['cat', 5],
      ['d', 8],
      ['e', 10],
    ],
  );
});

test('for any text it ends and never throws', () => {
  const pieces = [
    '$(',
    '`',
    '"',
    "'",
    '(',
    ')',
    '{',
    '}',
    '${',
    '((',
    '$((',
    '<<E\n',
    '<<',
    'E\n',
    '\\',
    '\n',
    ' ',
    ';',
    '&',
    '|',
    '<',
    '>',
    '#',
    'a',
    '=',
    'case x in ',
    "$'",
    '<(',
  ];
  let seed = 7;
  const random = (limit: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % limit;
  };
  for (let round = 0; round < 3000; round += 1) {
    const script = Array.from({ length: 1 + random(25) }, () => pieces[random(pieces.length)]).join('');
    shellCommands(script);
  }
  shellCommands('$('.repeat(50_000));
  shellCommands('('.repeat(50_000));
  shellCommands('${'.repeat(50_000));
  shellCommands('"$('.repeat(50_000));
  shellCommands('bash -c '.repeat(1000));
});

/** Scripts that a naive reader would read several times: once per level of nesting, or again for each piece. */
const GROWING: readonly (readonly [what: string, script: (count: number) => string])[] = [
  ['find -exec in find -exec', (count) => 'find -exec '.repeat(count)],
  ['eval in eval', (count) => 'eval "$('.repeat(count)],
  ['bash -c in eval', (count) => 'eval "$(bash -c "$('.repeat(count)],
  ['here-documents in here-documents', (count) => 'bash <<A\n$('.repeat(count)],
  ['expansions in here-documents', (count) => '$(cat <<A\n'.repeat(count)],
  ['traps in traps', (count) => 'trap "trap \''.repeat(count)],
  ['patterns', (count) => '@(a)'.repeat(count)],
  ['arrays', (count) => '=(a)'.repeat(count)],
  ['assignments', (count) => 'a=1 '.repeat(count)],
  ['prefixes', (count) => 'sudo flock runuser '.repeat(count)],
];
for (const [what, script] of GROWING) {
  test(`the number of commands is limited by the text that was read, however it is nested: ${what}`, () => {
    for (const count of [16, 32, 4096]) {
      const text = script(count);
      const { length } = shellCommands(text);
      // The script once, and all scripts in it together eight times.
      assert.ok(length <= 9 * text.length, `${length} commands of ${text.length} characters`);
    }
  });
}

test('more here-documents with commands than a call can have arguments', () => {
  assert.equal(shellCommands(`cat <<A\n${'$(x)'.repeat(200_000)}\nA\n`).length, 200_001);
});
