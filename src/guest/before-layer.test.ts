import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { foreignId } from './before-layer.ts';

const CASES: readonly (readonly [text: string, found: RegExp | undefined])[] = [
  ['', undefined],
  ['\n\t/etc/passwd\nroot:x:0:0:root:/root:/bin/bash\nbig:x:16777215:16777215::/:/bin/sh\n', undefined],
  ['\n\t/etc/passwd\napp:x:16777216:100::/home/app:/bin/sh', /^the account app of \/etc\/passwd has the id 16777216$/],
  ['\n\t/etc/passwd\napp:x:1000:20000000::/home/app:/bin/sh', /has the id 20000000$/],
  ['\n\t/etc/group\nstaff:x:4294967294:a,b', /^the group staff of \/etc\/group has the id 4294967294$/],
  // A number of members that looks like an id.
  ['\n\t/etc/group\nstaff:x:50:20000000', undefined],
  ['\n\t/etc/subuid\napp:100000:65536\n', undefined],
  ['\n\t/etc/subuid\napp:16777000:65536', /^\/etc\/subuid gives app ids up to 16842535$/],
  ['\n\t/etc/subgid\napp:30000000:1', /\/etc\/subgid/],
  ['\n\towners\n', undefined],
  ['\n\towners\n20000000:0\n', /^a file belongs to the id 20000000$/],
  ['\n\towners\n0:20000000\n', /20000000/],
  // What a component can write there.
  ['\n\t/etc/passwd\nx:x:99999999999999999999:1e9:0x1000000\n:::\nno colon\n', undefined],
  ['\n\t/etc/passwd\n\u001b[31m\n\u0007e:x:20000000:0::/:/bin/sh', /^the account \?e of/],
];

describe('ids that a container does not have', () => {
  for (const [text, found] of CASES)
    test(JSON.stringify(text), () => {
      const clause = foreignId(text);
      if (found === undefined) assert.equal(clause, undefined);
      else assert.match(clause ?? 'none', found);
    });
});
