/** InstallMSI. Source: reference, `awstoe.md` section 6. */
import { msiModule } from '../msi.ts';

export const installMsi = msiModule('InstallMSI', '/i', []);
