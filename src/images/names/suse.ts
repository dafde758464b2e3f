/** SUSE. */
import { forArm, refused, type NameSource } from './name.ts';

const SUBSCRIBERS = 'SUSE provides its disks to subscribers only.';

export const suse: NameSource = {
  vendor: 'SUSE',
  names: [
    ...['12', '15'].map((release) =>
      refused(`suse-linux-enterprise-server-${release}-x86`, `SUSE Linux Enterprise Server ${release}`, SUBSCRIBERS),
    ),
    forArm('suse-linux-enterprise-server-15-arm64', 'SUSE Linux Enterprise Server 15'),
  ],
};
