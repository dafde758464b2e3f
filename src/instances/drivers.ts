/** The register of drivers: one line each. See README.md for how to add one. */
import type { Driver } from './instance.ts';
import { qemuDriver } from './qemu/driver.ts';

/** Every driver by its name. */
export const drivers: Readonly<Record<string, Driver>> = {
  qemu: qemuDriver,
};
