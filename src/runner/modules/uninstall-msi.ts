/** UninstallMSI: a product that is not installed counts as uninstalled. Source: reference, `awstoe.md` section 6. */
import { msiModule } from '../kit/msi.ts';

export const uninstallMsi = msiModule('UninstallMSI', '/x', [1605]);
