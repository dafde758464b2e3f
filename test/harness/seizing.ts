/**
 * Looks from inside a container at each process that appears there, and tries to seize it: what an attacker does who
 * wants to become the host.
 */
import type { Instance } from '../../src/instances/instance.ts';

/**
 * Follows the numbers that processes get. For each new one: whose it is, as its status says, and whether it lets itself
 * be traced. A process with a user that the container does not have is the host's. Prints what it found as JSON when
 * /run/look-no-more is there, or once it has seized one of the host's.
 */
const LOOKER = String.raw`
use strict;
my ($ATTACH, $DETACH, $PTRACE) = (16, 17, 101);
my (%foreign, $looks, $seized);
open my $last, '<', '/proc/sys/kernel/ns_last_pid' or die "ns_last_pid: $!";
sub newest { seek $last, 0, 0; sysseek $last, 0, 0; sysread $last, my $text, 20; $text + 0 }
my $seen = newest();
my $turns = 0;
until (++$turns % 512 == 0 && -e '/run/look-no-more' || $seized) {
  my $next = newest() + 1;
  $next = $seen + 1 if $next - $seen > 1 && $next - $seen < 50;
  my $pid = $next;
  # Both the newest and the next: the next one is to be seen in its first moment.
  for my $pid ($next - 1, $next, $next + 1) {
    open my $file, '<', "/proc/$pid/status" or next;
    sysread $file, my $status, 4096 or next;
    $looks++;
    my ($name) = $status =~ /^Name:\t(.*)$/m;
    my ($uids) = $status =~ /^Uid:\t(.*)$/m;
    next unless defined $uids;
    $uids =~ tr/\t/ /;
    if ($uids =~ /\b65534\b/) {
      my $traced = syscall($PTRACE, $ATTACH, $pid + 0, 0, 0) != -1;
      if ($traced) {
        # One that has just ended is never waited for long.
        for (1 .. 2000) { last if waitpid($pid, 0x40000001) != 0; select undef, undef, undef, 0.001 }
        syscall($PTRACE, $DETACH, $pid + 0, 0, 0);
        $seized++;
      }
      $foreign{"$name ($uids)" . ($traced ? ', seized' : '')}++;
    }
  }
  $seen = $next - 1;
}
my $list = join ', ', map { "\"$_\"" } sort keys %foreign;
$looks //= 0; $seized //= 0;
print "{\"looks\": $looks, \"seized\": $seized, \"foreign\": [$list]}";
`;

/** What was found. */
export interface Seen {
  /** How often a process was looked at. */
  readonly looks: number;
  /** How often one of the host's let itself be traced. */
  readonly seized: number;
  /** Names and users of the host's processes. */
  readonly foreign: readonly string[];
}

/**
 * Has the looker look while `work` goes on, which is to end when `found` aborts: a process of the host has been seized.
 */
export async function foreignProcesses(instance: Instance, work: (found: AbortSignal) => Promise<void>): Promise<Seen> {
  const found = new AbortController();
  let printed = '';
  await instance.put('/run/looker.pl', LOOKER);
  const looking = instance
    .run({
      script: 'rm -f /run/look-no-more; exec perl /run/looker.pl',
      onOutput: (_, chunk) => {
        printed += chunk.toString();
      },
    })
    .finally(() => found.abort());
  try {
    await work(found.signal);
  } catch (error) {
    if (!found.signal.aborted) throw error;
  } finally {
    await instance.put('/run/look-no-more', '');
    await looking;
  }
  return JSON.parse(printed) as Seen;
}
