/**
 * CreateSymlink. A relative target is meant from the link's folder, as `ln` has it. Source: reference, `awstoe.md`
 * section 6.
 */
import { fileModule } from '../kit/file-program.ts';
import { flag, text } from '../kit/inputs.ts';

export const createSymlink = fileModule({
  name: 'CreateSymlink',
  platforms: ['Linux', 'macOS'],
  item: (inputs, absolute) => ({
    fields: [absolute(text(inputs, 'path')), text(inputs, 'target'), String(flag(inputs, 'force', false))],
  }),
  bash: `
path=$1 target=$2 force=$3
case "$target" in /*) leads=$target ;; *) leads=\${path%/*}/$target ;; esac
if [ ! -e "$leads" ]; then fail "the target $target does not exist"; fi
if [ -L "$path" ]; then
  if [ "$force" = false ]; then fail "$path is a symbolic link already, and force is false"; fi
elif [ -e "$path" ]; then fail "$path exists and is not a symbolic link"; fi
parents "$path"
ln -sfn -- "$target" "$path" || exit 1
`,
});
