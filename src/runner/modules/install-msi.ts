/** InstallMSI. Source: reference, `awstoe.md` section 6. */
import { msiModule } from '../kit/msi.ts';

export const installMsi = msiModule('InstallMSI', '/i', []);
