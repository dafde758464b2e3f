import type { ModuleCase } from '../module-case.ts';

export const cases: readonly ModuleCase[] = [
  { it: 'copies to a new name, and makes folders', given: 'echo a > f; chmod 2751 f; chown daemon:mail f', inputs: '[{source: f, destination: x/y/g}]', look: "cat f x/y/g; stat -c '%a %U' x/y/g", shows: 'a\na\n751 root' },
  { it: 'keeps the name in a folder', given: 'echo a > f', inputs: '[{source: f, destination: x/y/}]', look: 'find x -type f', shows: 'x/y/f' },
  { it: 'replaces', given: 'echo a > f; echo b > g', inputs: '[{source: f, destination: g}]', look: 'cat g', shows: 'a' },
  { it: 'replaces nothing when overwrite is false', given: 'echo a > f; echo b > g', inputs: '[{source: f, destination: g, overwrite: false}]', fails: 'DIR/g exists, and overwrite is false', look: 'cat g', shows: 'b' },
  { it: 'copies what matches', given: 'mkdir d; touch d/a.txt d/.b.txt "d/c d.txt" d/e.md; mkdir d/f.txt', inputs: '[{source: "d/*.txt", destination: x/}]', look: 'ls -A x', shows: '.b.txt\na.txt\nc d.txt' },
  { it: 'takes all but * as it is', given: 'mkdir d; touch "d/[ab]1" d/a1', inputs: '[{source: "d/[ab]*", destination: x/}]', look: 'ls x', shows: '[ab]1' },
  { it: 'needs a match', given: 'mkdir d', inputs: '[{source: "d/*.txt", destination: x/}]', fails: 'no file matches DIR/d/*.txt' },
  { it: 'needs a folder for what matches', given: 'touch a1', inputs: '[{source: "a*", destination: x}]', fails: 'DIR/x is not a folder: with a * in the source the destination is one, and ends in /' },
  { it: 'has * in the last part only', inputs: '[{source: "/etc/*/hosts", destination: x/}]', fails: 'source: a * may stand only after the last separator, not in "/etc/*/hosts"' },
  { it: 'needs the source', inputs: '[{source: f, destination: g}]', fails: 'DIR/f does not exist' },
  { it: 'is not for folders', given: 'mkdir f', inputs: '[{source: f, destination: g}]', fails: 'DIR/f is not a file' },
  { it: 'makes no folder a file', given: 'touch f; mkdir g', inputs: '[{source: f, destination: g}]', fails: 'DIR/g is a folder; a destination that ends in / takes files into it' },
  { it: 'does not copy a file to itself', given: 'echo a > f', inputs: '[{source: f, destination: ./f}]', fails: 'DIR/f and DIR/./f are the same file', look: 'cat f', shows: 'a' },
  { it: 'follows a link', given: 'echo a > f; ln -s f l', inputs: '[{source: l, destination: g}]', look: '[ ! -L g ] && cat g', shows: 'a' },
  { it: 'goes through its list in order', given: 'echo a > f', inputs: '[{source: f, destination: g}, {source: g, destination: h}]', look: 'cat h', shows: 'a' },
];
