# Runs a program inside a container, as the container's root, behind the container's own walls.
#
#   perl enter.pl LEADER START-TIME FILTER [CGROUP...] -- PROGRAM [ARGUMENT...]
#
# LEADER is the container's first process as the host numbers it, START-TIME its start in clock ticks since boot (field
# 22 of /proc/PID/stat), FILTER a seccomp program in hexadecimal digits. The program joins each CGROUP first. Exits as
# the program does; 125 when the container cannot be entered, 126 and 127 when the program cannot be run there.
#
# The order is what makes it safe. From the fork on, processes of the container see this one and may try to trace it,
# and everything of the container may belong to an attacker. By then it has the container's root as its user, and it is
# not dumpable: the kernel lets nobody without capabilities on the host attach to it, read its memory or open its
# program file for writing. The program then starts with no more capabilities than the container's first process has,
# and with the filter.
#
# Variables of this program's environment whose names begin with INGOT_INSIDE_ are the program's, without that: if there
# are any, it gets no others. Their names may be an attacker's, and one such as PERL5OPT would mean something out here.
#
# No modules: loading them takes longer than all of this.
use strict;
use warnings;

# x86-64.
my ($PRCTL, $SETGROUPS, $SETRESUID, $SETRESGID, $SETNS) = (157, 116, 117, 119, 308);
my ($PR_SET_DUMPABLE, $PR_SET_SECCOMP, $PR_CAPBSET_DROP, $SECCOMP_MODE_FILTER) = (4, 22, 24, 2);

sub fail {
  print STDERR "cannot enter the container: $_[0]\n";
  exit 125;
}

sub must {
  my ($what, $result) = @_;
  fail("$what: $!") if $result == -1;
}

my ($leader, $born, $filter) = splice @ARGV, 0, 3;
while (@ARGV && $ARGV[0] ne '--') {
  my $cgroup = shift @ARGV;
  open my $procs, '>', "$cgroup/cgroup.procs" or fail("$cgroup: $!");
  syswrite($procs, "$$\n") or fail("$cgroup: $!");
}
shift @ARGV;

my %namespace;
for my $name (qw(user cgroup ipc uts net pid mnt)) {
  open $namespace{$name}, '<', "/proc/$leader/ns/$name" or fail("its $name namespace: $!");
}
opendir my $root, "/proc/$leader/root" or fail("its root directory: $!");
my $status = do { open my $file, '<', "/proc/$leader/status" or fail("its status: $!"); local $/; <$file> };
my ($bounding) = $status =~ /^CapBnd:\s*([0-9a-f]+)$/m or fail('its capabilities are not known');
my $stat = do { open my $file, '<', "/proc/$leader/stat" or fail("its state: $!"); local $/; <$file> };
# What was opened above is of the right process only if that still runs.
fail('its first process has ended') unless $born eq (split ' ', substr $stat, rindex($stat, ')') + 2)[19];

must('hiding', syscall($PRCTL, $PR_SET_DUMPABLE, 0, 0, 0, 0));
must('its user namespace', syscall($SETNS, fileno $namespace{user}, 0));
must('its groups', syscall($SETGROUPS, 0, 0));
must('its group', syscall($SETRESGID, 0, 0, 0));
must('its user', syscall($SETRESUID, 0, 0, 0));
must('hiding', syscall($PRCTL, $PR_SET_DUMPABLE, 0, 0, 0, 0));
must("its $_ namespace", syscall($SETNS, fileno $namespace{$_}, 0)) for qw(cgroup ipc uts net pid mnt);
chdir $root and chroot '.' or fail("its root directory: $!");
# Last: entering asks for more than the container has. The kernel's highest capability is where dropping fails.
for my $capability (0 .. 63) {
  next if hex(substr $bounding, -1 - int($capability / 4), 1) >> ($capability % 4) & 1;
  last if syscall($PRCTL, $PR_CAPBSET_DROP, $capability, 0, 0, 0) == -1;
}

my $child = fork;
fail("fork: $!") unless defined $child;
if ($child == 0) {
  my $code = pack 'H*', $filter;
  my $program = pack 'S x6 P', length($code) / 8, $code;
  must('its filter of system calls', syscall($PRCTL, $PR_SET_SECCOMP, $SECCOMP_MODE_FILTER, $program, 0, 0));
  my %inside = map { /^INGOT_INSIDE_(.+)$/s ? ($1 => $ENV{$_}) : () } keys %ENV;
  %ENV = %inside if %inside;
  { no warnings 'exec'; exec { $ARGV[0] } @ARGV; }
  my $missing = $!{ENOENT};
  print STDERR "failed to execute $ARGV[0]: $!\n";
  exit($missing ? 127 : 126);
}
waitpid $child, 0;
my $signal = $? & 127;
if ($signal) {
  $SIG{$_} = 'DEFAULT' for keys %SIG;
  kill $signal, $$;
  exit 128 + $signal;
}
exit $? >> 8;
