/** Red Hat, and systems built from its sources. */
import { forArm, refused, type NameSource } from './name.ts';

const SUBSCRIBERS = 'Red Hat provides its disks to subscribers only.';
const RELEASES = ['7', '8', '9', '10'];

export const redHat: NameSource = {
  vendor: 'Red Hat',
  names: [
    ...RELEASES.map((release) =>
      refused(`red-hat-enterprise-linux-${release}-x86`, `Red Hat Enterprise Linux ${release}`, SUBSCRIBERS),
    ),
    ...RELEASES.slice(1).map((release) =>
      forArm(`red-hat-enterprise-linux-${release}-arm64`, `Red Hat Enterprise Linux ${release}`),
    ),
    refused('centos-linux-7-x86', 'CentOS 7', 'End of life; Ingot no longer downloads it.'),
  ],
};
