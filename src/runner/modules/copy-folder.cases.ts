import type { ModuleCase } from '../module-case.ts';

const TREE =
  'mkdir -p d/deep d/.h; echo a > d/a; echo b > d/deep/b; echo h > d/.h/h; chmod 700 d/deep; ln -s a d/link; chmod ' +
  '777 d/a';

export const cases: readonly ModuleCase[] = [
  {
    it: 'copies all of it to a new name',
    given: TREE,
    inputs: '[{source: d, destination: x/e}]',
    look: "cd x/e; find . | sort; stat -c '%a %N' a deep link",
    shows: ".\n./.h\n./.h/h\n./a\n./deep\n./deep/b\n./link\n777 'a'\n700 'deep'\n777 'link' -> 'a'",
  },
  {
    it: 'keeps the name in a folder',
    given: TREE,
    inputs: '[{source: d/, destination: x/}]',
    look: 'cat x/d/deep/b',
    shows: 'b',
  },
  {
    it: 'fills a folder that is there',
    given: `${TREE}; mkdir e; echo old > e/a; echo kept > e/kept`,
    inputs: '[{source: d, destination: e}]',
    look: 'cat e/a e/kept',
    shows: 'a\nkept',
  },
  {
    it: 'fills nothing when overwrite is false',
    given: `${TREE}; mkdir e`,
    inputs: '[{source: d, destination: e, overwrite: false}]',
    fails: 'DIR/e exists, and overwrite is false',
    look: 'ls e',
    shows: '',
  },
  {
    it: 'copies folders that match',
    given: 'mkdir -p s/a1 s/a2 s/b; touch s/a3 s/a1/in',
    inputs: '[{source: "s/a*", destination: x/}]',
    look: 'find x | sort',
    shows: 'x\nx/a1\nx/a1/in\nx/a2',
  },
  {
    it: 'needs a match',
    given: 'touch a1',
    inputs: '[{source: "a*", destination: x/}]',
    fails: 'no folder matches DIR/a*',
  },
  { it: 'needs the source', inputs: '[{source: d, destination: e}]', fails: 'DIR/d does not exist' },
  { it: 'is not for files', given: 'touch d', inputs: '[{source: d, destination: e}]', fails: 'DIR/d is not a folder' },
  {
    it: 'makes no file a folder',
    given: 'mkdir d; touch e',
    inputs: '[{source: d, destination: e}]',
    fails: 'DIR/e is not a folder',
  },
  {
    it: 'copies no folder into itself',
    given: TREE,
    inputs: '[{source: d, destination: d/deep/e}]',
    fails: 'DIR/d/deep/e lies in DIR/d',
    look: 'ls d/deep',
    shows: 'b',
  },
];
