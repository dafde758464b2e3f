/** The register of drivers: one line each. See README.md for how to add one. */
import type { Driver } from './instance.ts';
import { buildahDriver } from './buildah/driver.ts';
import { nspawnDriver } from './nspawn/driver.ts';
import { qemuDriver } from './qemu/driver.ts';

/** Every driver by its name. */
export const drivers: Readonly<Record<string, Driver>> = {
  buildah: buildahDriver,
  nspawn: nspawnDriver,
  qemu: qemuDriver,
};
