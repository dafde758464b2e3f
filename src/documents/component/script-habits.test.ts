import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scriptHabits } from './script-habits.ts';

const CASES: readonly (readonly [script: string, code: string, line: number, says: RegExp])[] = [
  ['echo a\nreboot', 'restart-in-script', 2, /'reboot' restarts the machine/],
  ['sudo shutdown -r +1 "back soon"', 'restart-in-script', 1, /'shutdown -r/],
  ['if true; then\n  systemctl reboot\nfi', 'restart-in-script', 2, /systemctl reboot/],
  ['/sbin/init 6', 'restart-in-script', 1, /restarts/],
  ['shutdown -h now', 'restart-in-script', 1, /turns the machine off/],
  ['poweroff', 'restart-in-script', 1, /turns the machine off/],
  ['apt-get update\napt-get install nginx', 'unanswered-question', 2, /'apt-get install nginx' may prompt.*Add --yes/],
  ['sudo apt upgrade', 'unanswered-question', 1, /apt upgrade/],
  ['yum install httpd', 'unanswered-question', 1, /Add -y/],
  ['zypper install nginx', 'unanswered-question', 1, /Add --non-interactive before the verb/],
  ['touch /x\nexit 194', 'endless-restart', 2, /always ends with 'exit 194'/],
];

for (const [script, code, line, says] of CASES) {
  test(`${code}: ${JSON.stringify(script)}`, () => {
    const habits = scriptHabits(script);

    assert.deepEqual(
      habits.map((habit) => [habit.code, habit.line]),
      [[code, line]],
    );
    assert.match(habits[0]!.message, says);
  });
}

const QUIET: readonly string[] = [
  'echo reboot',
  '# reboot',
  'touch /var/run/reboot-required',
  'systemctl restart nginx',
  'shutdown -c',
  'cat >/usr/local/bin/x <<E\nreboot\nE',
  'apt-get install -y nginx',
  'apt-get -qq install nginx',
  'apt-get -yq install nginx',
  'apt-get --assume-yes install nginx',
  'apt-get update',
  'apt-get install -o APT::Get::Assume-Yes=true x',
  'yes | apt-get install nginx',
  'apt-get $OPTIONS install nginx',
  'apt-get install "${APT_FLAGS[@]}" nginx',
  'apt-mark hold install',
  'yum -y update',
  'dnf install --assumeyes x',
  'dnf check-update',
  'zypper --non-interactive install nginx',
  'zypper -n in nginx',
  'zypper refresh',
  'apt-get install -s nginx',
  'if [ ! -e /x ]; then touch /x; exit 194; fi',
  '[ -e /x ] && exit 0\ntouch /x\nexit 194',
];

for (const script of QUIET) {
  test(`no warning: ${JSON.stringify(script)}`, () => assert.deepEqual(scriptHabits(script), []));
}
