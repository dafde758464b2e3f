/** The register of checks: one line each, in display order. README.md says how to add one. */
import type { Check } from './check.ts';
import { acceleration } from './checks/acceleration.ts';
import { awsCli } from './checks/aws-cli.ts';
import { baseImages } from './checks/base-images.ts';
import { cgroups } from './checks/cgroups.ts';
import { clock } from './checks/clock.ts';
import { dataDirectoryAccess } from './checks/data-directory-access.ts';
import { disks } from './checks/disks.ts';
import { dns } from './checks/dns.ts';
import { mirror } from './checks/mirror.ts';
import { network } from './checks/network.ts';
import { processor } from './checks/processor.ts';
import { processList } from './checks/process-list.ts';
import { root } from './checks/root.ts';
import { securityModules } from './checks/security-modules.ts';
import { space } from './checks/space.ts';
import { systemCallFilters } from './checks/system-call-filters.ts';
import { containerBuilds } from './checks/container-builds.ts';
import { systemContainers } from './checks/system-containers.ts';
import { uefi } from './checks/uefi.ts';
import { untrustedAuthors } from './checks/untrusted-authors.ts';
import { userNamespaces } from './checks/user-namespaces.ts';
import { virtualMachines } from './checks/virtual-machines.ts';

/** All checks. */
export const checks: readonly Check[] = [
  root,
  processor,
  space,
  clock,
  dns,
  mirror,
  baseImages,
  disks,
  systemContainers,
  containerBuilds,
  virtualMachines,
  uefi,
  awsCli,
  // The boundaries between components and this host.
  userNamespaces,
  systemCallFilters,
  cgroups,
  network,
  dataDirectoryAccess,
  processList,
  securityModules,
  acceleration,
  untrustedAuthors,
];
