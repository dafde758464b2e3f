/**
 * Completion scripts, one writer for each shell. A word that is neither a command nor an option is completed as a file.
 * Pure.
 */
import type { DescribedOption } from './options.ts';

/** A command in a completion script. */
export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly DescribedOption[];
  /** Known words for its arguments. */
  readonly words: readonly string[];
  /** Kinds of names for its arguments, which come from the server. */
  readonly names: readonly string[];
}

/** The register of shells. */
export const SHELLS: Readonly<Record<string, (commands: readonly CompletedCommand[]) => string>> = { bash, zsh, fish };

function bash(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(({ name, options, words, names }) => {
    const values = options
      .filter(({ takesValue }) => takesValue)
      .flatMap(({ name: option, short }) => [`--${option}`, ...(short === undefined ? [] : [`-${short}`])]);
    return (
      `    ${name}) options='${options.map(({ name: option }) => `--${option}`).join(' ')}' ` +
      `values='${values.join(' ')}' words='${words.join(' ')}' names='${names.join(' ')}' ;;`
    );
  });
  return `# bash completion of ingot
_ingot() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} options= values= words= names=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(' ')} --version' -- "$cur"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
  # The value of an option, and arguments: files, which bash completes by itself.
  if [[ " $values " == *" $prev "* ]]; then return; fi
  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$cur"))
  elif [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$cur"))
  elif [[ -n $names ]]; then
    words=$("\${COMP_WORDS[0]}" completion names $names 2>/dev/null)
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  fi
}
complete -o default -F _ingot ingot ./ingot
`;
}

function zsh(commands: readonly CompletedCommand[]): string {
  const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
  const pair = (name: string, description: string): string => quote(`${name.replaceAll(':', '\\:')}:${description}`);
  const cases = commands.map(({ name, options, words, names }) =>
    [
      `    ${name})`,
      `      options=(${options.map((option) => pair(`--${option.name}`, option.description)).join(' ')})`,
      `      words_=(${words.map(quote).join(' ')}) names=(${names.map(quote).join(' ')}) ;;`,
    ].join('\n'),
  );
  return `#compdef ingot
# zsh completion of ingot
_ingot() {
  local -a commands options words_ names
  commands=(${commands.map(({ name, summary }) => pair(name, summary)).join(' ')})
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  case $words[2] in
${cases.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then _describe -o option options
  elif (($#words_ > 0)); then compadd -- $words_
  elif (($#names > 0)); then compadd -- \${(f)"$($words[1] completion names $names 2>/dev/null)"}
  else _files
  fi
}
if [[ $funcstack[1] == _ingot ]]; then _ingot "$@"; else compdef _ingot ingot; fi
`;
}

function fish(commands: readonly CompletedCommand[]): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = commands.flatMap(({ name, summary, options, words, names }) => [
    `complete -c ingot -n __fish_use_subcommand -f -a ${name} -d ${quote(summary)}`,
    ...options.map(({ name: long, short, takesValue, description }) =>
      [
        `complete -c ingot -n '__fish_seen_subcommand_from ${name}' -l ${long}`,
        short === undefined ? '' : ` -s ${short}`,
        takesValue ? ' -r' : '',
        description === '' ? '' : ` -d ${quote(description)}`,
      ].join(''),
    ),
    ...(words.length === 0
      ? []
      : [`complete -c ingot -n '__fish_seen_subcommand_from ${name}' -f -a ${quote(words.join(' '))}`]),
    ...(names.length === 0
      ? []
      : [
          `complete -c ingot -n '__fish_seen_subcommand_from ${name}' -f ` +
            `-a '(ingot completion names ${names.join(' ')} 2>/dev/null)'`,
        ]),
  ]);
  return `# fish completion of ingot\n${lines.join('\n')}\n`;
}
