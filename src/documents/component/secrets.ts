/**
 * Finds secrets in clear text, as far as their form shows it. It describes the finding and never returns the secret
 * itself.
 */

/** Something that looks like a secret. */
export interface SecretHit {
  /** A description for the middle of a sentence: `the password in 'DB_PASSWORD=…'`. */
  readonly what: string;
  /** The matched text up to the secret, for its position. */
  readonly found: string;
}

/** Forms that are always a secret. */
const FORMS: readonly (readonly [what: string, form: RegExp])[] = [
  ['a private key', /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/],
  ['an AWS access key', /\b(?:AKIA|ASIA)(?![0-9A-Z]{9}EXAMPLE)[0-9A-Z]{16}\b/],
  ['a GitHub token', /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22,})/],
  ['a GitLab token', /\bglpat-[\w-]{20}/],
  ['a Slack token', /\bxox[abprs]-[\w-]{10,}/],
  ['a Google API key', /\bAIza[\w-]{35}\b/],
  ['an npm token', /\bnpm_[A-Za-z0-9]{36}\b/],
  ['a Stripe key', /\b[rs]k_live_[A-Za-z0-9]{16,}/],
];

const KEYWORD =
  '(?:password|passwd|passphrase|secret|token|api[_-]?key|secret[_-]?(?:access[_-]?)?key|private[_-]?key)';
/** A value with these characters is only known in a run, or refers to something else, so it is not a secret. */
const VALUE = '[^\\s\'"$<>{}`*()%|&;\\\\/][^\\s\'"$<>{}`*()%|&;\\\\]{3,}';
const NAMED = new RegExp(
  `((?<![\\w.-])\\$?[\\w.-]*${KEYWORD}['"]?[^\\S\\r\\n]*(?:=|:[^\\S\\r\\n])[^\\S\\r\\n]*['"]?)(${VALUE})`,
  'gi',
);
/** Common values of such settings that are not secrets. */
const NO_SECRET =
  /^(?:true|false|yes|no|none|null|required|optional|requisite|sufficient|enabled?|disabled?|prohibit-password|without-password|https?:.*|arn:.*|s3:.*|[\w.-]+(?:\/[\w.-]+)+|x{4,}|\.{3,}|string)$/i;

/** Commands with a secret at a certain position; the group before the secret is kept. */
const COMMANDS: readonly (readonly [what: string, form: RegExp])[] = [
  ['a password for chpasswd', /(\becho\s+(?:-e\s+)?['"]?[\w.-]+:)[^\s'"$`{]{3,}['"]?\s*\|\s*(?:sudo\s+)?chpasswd\b/],
  ['a password of net user', /(\bnet(?:\.exe)?\s+user\s+\S+\s+)[^\s/$%{][^\s$%{]*\s+\/add\b/i],
  ['a password of curl', /(\bcurl\b[^\n|;]{0,300}?\s(?:-u|--user)[\s=]+['"]?[\w.@-]+:)[^\s'"$`{]{3,}/],
  ['a password in an address', /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^/\s:@$<{]{1,100}:)[^/\s:@$<{*]{3,200}@/i],
];

/** Whether a name (`DbPassword`, `API_TOKEN`) indicates a secret, and the value may be one. */
export function isNamedSecret(name: string, value: string): boolean {
  return new RegExp(`${KEYWORD}$`, 'i').test(name) && new RegExp(`^${VALUE}$`).test(value) && !NO_SECRET.test(value);
}

/**
 * The value if it is a whole word: followed by the end of the text, a quote, a space or a semicolon, or ended by a
 * comma in it. Checked here, because a regular expression would test each value again from each name in it.
 */
function wholeValue(written: string, next: string | undefined): string | undefined {
  if (next === undefined || /['"\s,;]/.test(next)) return written;
  const comma = written.lastIndexOf(',');
  return comma < 4 ? undefined : written.slice(0, comma);
}

/** The first secret in a text, or `undefined`. */
export function findSecret(text: string): SecretHit | undefined {
  for (const [what, form] of FORMS) {
    const found = form.exec(text);
    if (found !== null) return { what, found: found[0] };
  }
  for (const { 0: whole, 1: before = '', 2: written = '', index } of text.matchAll(NAMED)) {
    const value = wholeValue(written, text[index + whole.length]);
    if (value === undefined) continue;
    // In PowerShell `$secret = Get-Secret` is a command, `$secret = 'text'` is a text.
    if (NO_SECRET.test(value) || (before.startsWith('$') && !/['"]$/.test(before))) continue;
    return { what: `the value of '${before.replace(/['"]?\s*[=:]\s*['"]?$/, '')}'`, found: before };
  }
  for (const [what, form] of COMMANDS) {
    const found = form.exec(text);
    if (found !== null) return { what, found: found[1]! };
  }
  return undefined;
}
