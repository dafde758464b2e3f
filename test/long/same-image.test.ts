/**
 * The container never costs correctness: the same components, built with each driver, give the same image, and it
 * boots.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { amisOfImage } from '../../src/catalog/amis.ts';
import { openCatalog } from '../../src/catalog/catalog.ts';
import { createTestImage, waitUntilAvailable } from '../harness/images.ts';
import type { HostState } from '../harness/host-state.ts';
import { launchOn } from '../harness/launch-on.ts';
import {
  describeDisk,
  diskDifferences,
  machineCases,
  olderKernel,
  type DiskDescription,
} from '../harness/machine-cases.ts';
import { imageLog, type TestServer } from '../harness/service.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

describe('the same image on both drivers', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;
  let parent: string;
  const disks = new Map<string, DiskDescription>();

  before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));

  after(() => endOnServer({ state, dataDirectory, server }));

  async function diskOf(imageArn: string): Promise<string> {
    const catalog = await openCatalog(dataDirectory);
    try {
      return join(dataDirectory, (await amisOfImage(catalog.db, imageArn))[0]!.file);
    } finally {
      await catalog.close();
    }
  }

  test('a base with an older kernel, so that there is something to upgrade', async () => {
    const arn = await createTestImage(server, { name: 'older-kernel', components: [olderKernel] });
    parent = (await waitUntilAvailable(server, arn)).outputResources!.amis![0]!.image!;
  });

  for (const driver of ['default', 'nspawn', 'qemu'] as const) {
    test(`built with ${driver}: it is tested in a virtual machine, and its disk is described`, async () => {
      const arn = await createTestImage(server, {
        name: `same-${driver}`,
        parent,
        tests: true,
        components: machineCases.map(({ document }) => document),
        ...(driver === 'default' ? {} : { driver }),
        // Else one image would be made of the other's layers, and there would be nothing to compare.
        tags: { 'ingot:layer-cache': 'off' },
      });
      await waitUntilAvailable(server, arn);
      if (driver !== 'qemu') {
        const log = (await imageLog(dataDirectory, arn)).map(({ text }) => text);
        for (const [index, { runs }] of machineCases.entries()) {
          const component: string = `same-${driver}-${index}`;
          const byRule = log.some(
            (text) => text.startsWith(`${component} runs in a virtual machine`) && text.includes(`rule ${runs})`),
          );
          const byRetry = log.some((text) => text.startsWith(`${component} failed in the container`));
          assert.deepEqual([byRule, byRetry], [runs !== 'container' && runs !== 'retry', runs === 'retry'], component);
        }
      }
      const launched = await launchOn('nspawn', await diskOf(arn));
      try {
        disks.set(driver, await describeDisk(launched.instance));
      } finally {
        await launched.end();
      }
    });
  }

  for (const driver of ['nspawn', 'qemu'] as const) {
    test(`the default's image and that of ${driver} have the same packages, kernel, boot entry, units, parameters, owners, modes and attributes`, () => {
      assert.deepEqual(diskDifferences(disks.get('default')!, disks.get(driver)!), []);
    });
  }
});
