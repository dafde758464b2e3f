import type { ModuleCase } from '../module-case.ts';

export const cases: readonly ModuleCase[] = [
  {
    it: 'converts in place',
    given: 'printf é > f; chmod 640 f; chown daemon f; ln f g',
    inputs: '[{path: f, encoding: UTF-16}]',
    look: "od -An -tx1 g; stat -c '%a %U' f",
    shows: ' e9 00\n640 daemon',
  },
  {
    it: 'knows byte orders',
    given: 'printf a > f; printf a > g',
    inputs: '[{path: f, encoding: utf-32-BE}, {path: g, encoding: utf16-be}]',
    look: 'od -An -tx1 f g',
    shows: ' 00 00 00 61 00 61',
  },
  { it: 'leaves UTF-8 as it is', given: 'printf é > f', inputs: '[{path: f}]', look: 'cat f', shows: 'é' },
  {
    it: 'converts from UTF-8 only',
    given: "printf '\\377' > f",
    inputs: '[{path: f, encoding: utf16}]',
    fails: 'DIR/f is not text in UTF-8',
    look: 'od -An -tx1 f',
    shows: ' ff',
  },
  { it: 'needs the file', inputs: '[{path: f}]', fails: 'DIR/f does not exist' },
];
