/** SetFilePermissions: sets exactly the requested mode. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import { fileModule } from '../kit/file-program.ts';
import { mode, text } from '../kit/inputs.ts';

export const setFilePermissions = fileModule({
  name: 'SetFilePermissions',
  platforms: ['Linux', 'macOS'],
  item: (inputs, absolute) => ({ fields: [absolute(text(inputs, 'path')), mode(inputs, 'permissions', 'needed')] }),
  bash: readScript(import.meta.url, 'set-file-permissions.sh'),
});
