# Becomes a program that has a filter of system calls, as has all that it starts.
#
#   perl confine.pl FILTER PROGRAM [ARGUMENT...]
#
# FILTER is a seccomp program in hexadecimal digits. Exits with 125 when the filter cannot be set, 127 when the program
# cannot be run.
use strict;
use warnings;

my $PRCTL = 157; # x86-64
my ($PR_SET_SECCOMP, $SECCOMP_MODE_FILTER) = (22, 2);

my $code = pack 'H*', shift @ARGV;
my $program = pack 'S x6 P', length($code) / 8, $code;
if (syscall($PRCTL, $PR_SET_SECCOMP, $SECCOMP_MODE_FILTER, $program, 0, 0) == -1) {
  print STDERR "cannot set the filter of system calls: $!\n";
  exit 125;
}
{ no warnings 'exec'; exec { $ARGV[0] } @ARGV; }
print STDERR "failed to execute $ARGV[0]: $!\n";
exit 127;
