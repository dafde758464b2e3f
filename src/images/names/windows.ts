/** Windows Server. */
import { container, refused, type NameSource, type ParentName } from './name.ts';

const LICENCE = 'Microsoft licenses its disks to each user and does not allow redistribution.';

export const windows: NameSource = {
  vendor: 'Microsoft',
  names: [
    ...['2016', '2019', '2022', '2025'].flatMap((release) => server(release)),
    container(
      'windows-server-2016-x86-core-ltsc2016-amd64',
      'Microsoft Windows Server 2016',
      'mcr.microsoft.com/windows/servercore:ltsc2016-amd64',
      'Windows',
    ),
    container(
      'windows-server-2019-x86-core-ltsc2019-amd64',
      'Microsoft Windows Server 2019',
      'mcr.microsoft.com/windows/servercore:ltsc2019-amd64',
      'Windows',
    ),
  ],
};

function server(release: string): readonly ParentName[] {
  return (['Core', 'Full'] as const).map((edition) => ({
    ...refused(
      `windows-server-${release}-english-${edition.toLowerCase()}-base-x86`,
      `Microsoft Windows Server ${release}`,
      LICENCE,
      'Windows',
    ),
    parameters: [`/aws/service/ami-windows-latest/Windows_Server-${release}-English-${edition}-Base`],
  }));
}
