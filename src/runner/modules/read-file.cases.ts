import type { ModuleCase } from '../module-case.ts';

export const cases: readonly ModuleCase[] = [
  {
    it: 'gives the content as it is',
    given: "printf 'one\\n two\\n\\n' > f",
    inputs: '[{path: f}]',
    outputs: { content: 'one\n two\n\n' },
  },
  {
    it: 'gives that of each',
    given: 'printf a > f; : > g; printf c > h',
    inputs: '[{path: f}, {path: g}, {path: h}]',
    outputs: { content: 'a\n\nc' },
  },
  { it: 'follows links', given: 'printf a > f; ln -s f g', inputs: '[{path: g}]', outputs: { content: 'a' } },
  {
    it: 'decodes',
    given: "printf 'é€' | iconv -f UTF-8 -t UTF-16LE > f; printf '\\376\\377\\000a' > g",
    inputs: '[{path: f, encoding: utf16}, {path: g, encoding: UTF-16BE}]',
    outputs: { content: 'é€\na' },
  },
  {
    it: 'reads text only',
    given: "printf '\\377\\376a' > f",
    inputs: '[{path: f}]',
    fails: 'f is not text in the encoding UTF-8',
  },
  { it: 'cannot read what is not there', inputs: '[{path: f}]', fails: 'DIR/f does not exist' },
  { it: 'is not for folders', inputs: '[{path: DIR}]', fails: 'DIR is not a file' },
  {
    it: 'keeps nothing that is too large to chain',
    given: 'head -c 1100000 /dev/zero | tr "\\0" x > f',
    inputs: '[{path: f}]',
    outputs: {},
  },
];
