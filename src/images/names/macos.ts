/** macOS. */
import { cannotRun, forArm, type NameSource } from './name.ts';

const HARDWARE = 'Apple allows macOS only on Apple hardware.';
const RELEASES: readonly (readonly [string, string])[] = [
  ['ventura', '13'],
  ['sonoma', '14'],
  ['sequoia', '15'],
];

export const macOs: NameSource = {
  vendor: 'Apple',
  names: RELEASES.flatMap(([name, version]) => [
    cannotRun(`macos-${name}-x86`, `macOS ${version}`, HARDWARE, 'macOS'),
    forArm(`macos-${name}-arm64`, `macOS ${version}`, 'macOS'),
  ]),
};
