/** Whether an AWS CLI supports the endpoint variables. Pure. */

/** Environment variables that a Python program may need to find its modules. */
export const PYTHON_VARIABLES: readonly string[] = ['PYTHONPATH', 'PYTHONHOME', 'VIRTUAL_ENV', 'PYENV_*', 'ASDF_*'];

/** The first versions that do, by major version. */
const FIRST: Readonly<Record<number, number>> = { 1: 29, 2: 13 };

/**
 * Parses the version.
 * @param output of `aws --version`, such as `aws-cli/2.15.30 Python/3.11.8 Linux/6.1`
 * @returns the version and whether it is new enough; `undefined` for any other output
 */
export function readCliVersion(
  output: string,
): { readonly version: string; readonly knowsEndpoints: boolean } | undefined {
  const match = /aws-cli\/((\d+)\.(\d+)\.\d+)/.exec(output);
  if (match === null) return undefined;
  const first = FIRST[Number(match[2])];
  return { version: match[1]!, knowsEndpoints: first === undefined ? Number(match[2]) > 2 : Number(match[3]) >= first };
}
