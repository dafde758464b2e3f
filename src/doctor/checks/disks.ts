import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { attachDisk } from '../../images/attach.ts';
import type { Check } from '../check.ts';
import { makeSmallDisk } from '../small-disk.ts';
import { inWorkspace } from '../../instances/workspace.ts';

export const disks: Check = {
  name: 'mounting disks',
  // If disks cannot be mounted, builds use virtual machines.
  needed: false,
  packages: ['qemu-system-common', 'qemu-utils', 'e2fsprogs', 'fdisk', 'mount'],
  root: true,
  seconds: 30,
  async run({ signal }) {
    if (!existsSync('/dev/fuse'))
      return {
        status: 'fail',
        detail: '/dev/fuse is missing: builds run in virtual machines, which are slower',
        remedy: 'modprobe fuse',
      };
    if (!existsSync('/dev/loop-control'))
      return {
        status: 'fail',
        detail: '/dev/loop-control is missing: builds run in virtual machines, which are slower',
        remedy: 'modprobe loop',
      };
    await inWorkspace(async ({ files, directory, held }) => {
      const disk = await attachDisk({ disk: await makeSmallDisk(files, signal), directory, held, signal });
      const content = await readFile(`${disk.root}/it`, 'utf8');
      await disk.detach();
      if (content !== 'works') throw new Error('a file on a mounted disk does not have the content that was written');
    });
    return {
      status: 'ok',
      detail: 'a qcow2 disk was exported through FUSE, attached to a loop device, mounted and detached',
    };
  },
};
