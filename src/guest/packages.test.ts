import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../platform/files.ts';
import { run } from '../platform/processes.ts';
import { readScript } from '../platform/scripts.ts';
import { readInventory } from './packages.ts';

describe('the inventory of an image', () => {
  test('Debian', () => {
    const inventory = readInventory(
      [
        'O\tPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"',
        'O\tNAME="Debian GNU/Linux"',
        'O\tVERSION_ID="12"',
        'O\tID=debian',
        'P\tinstalled\tnginx\t1.22.1-9',
        'P\tconfig-files\told\t1',
        'P\tinstalled\tbash\t5.2.15-2+b7',
        '',
      ].join('\n'),
    );
    assert.deepEqual(inventory, {
      osVersion: 'Debian 12',
      packages: [
        { name: 'bash', version: '5.2.15-2+b7' },
        { name: 'nginx', version: '1.22.1-9' },
      ],
    });
  });

  const systems: readonly [lines: readonly string[], osVersion: string | undefined][] = [
    [['NAME="Ubuntu"', 'VERSION_ID="24.04"'], 'Ubuntu 24.04'],
    [['NAME="Amazon Linux"', 'VERSION_ID="2023"', 'ID="amzn"'], 'Amazon Linux 2023'],
    [['NAME="Rocky Linux"', 'VERSION_ID="9.3"', 'ID="rocky"'], 'Rocky 9.3'],
    [['NAME="Alpine Linux"', 'ID=alpine', 'VERSION_ID=3.20.1'], 'Alpine 3.20.1'],
    [['NAME="Arch Linux"', 'ID=arch'], 'Arch'],
    [[], undefined],
  ];
  for (const [lines, osVersion] of systems) {
    test(String(osVersion), () =>
      assert.equal(readInventory(lines.map((line) => `O\t${line}`).join('\n')).osVersion, osVersion),
    );
  }
});

describe('the script that lists packages', () => {
  const managers: readonly (readonly [manager: string, prints: string, packages: readonly string[]])[] = [
    ['rpm', 'P\\tinstalled\\tbash\\t5.2-1.el9\\nP\\tinstalled\\tshadow-utils\\t2:4.9-8.el9', ['bash', 'shadow-utils']],
    [
      'apk',
      'musl-1.2.5-r0\\nca-certificates-bundle-20240705-r0',
      ['musl 1.2.5-r0', 'ca-certificates-bundle 20240705-r0'],
    ],
  ];
  for (const [manager, prints, packages] of managers)
    test(`asks ${manager}, in a shell that is no bash`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'ingot-packages-'));
      try {
        for (const program of ['sed', 'head']) symlinkSync(findProgram(program)!, join(folder, program));
        writeFileSync(join(folder, manager), `#!/bin/sh\nprintf '${prints}\\n'\n`);
        chmodSync(join(folder, manager), 0o755);
        const script = readScript(import.meta.url, 'packages.sh');
        const { stdout } = await run(['/bin/dash', '-c', script], { env: { PATH: folder } });
        const names = readInventory(stdout).packages.map(({ name, version }) => `${name} ${version}`);
        for (const each of packages)
          assert.ok(
            names.some((name) => name.startsWith(each)),
            names.join(),
          );
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
});
