import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
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
