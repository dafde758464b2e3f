# Becomes a program whose outputs go to files that hold only their last part. See ring-file.ts.
#
#   perl ring-file.pl BYTES [FD[,FD...] FILE]... -- PROGRAM [ARGUMENT...]
#
# A file that has BYTES becomes FILE.old, and a fresh one begins. The child that writes ends with the last holder of the
# outputs.
use strict;
use warnings;

my $bytes = shift @ARGV;
my (@rings, %output);
$^F = 255; # The pipes stay open for the program.
while (@ARGV && $ARGV[0] ne '--') {
  my ($descriptors, $path) = splice @ARGV, 0, 2;
  pipe my $reader, my $writer or die "pipe: $!\n";
  push @rings, { path => $path, reader => $reader };
  $output{$_} = $writer for split /,/, $descriptors;
  undef $writer;
}
shift @ARGV;

my $child = fork;
die "fork: $!\n" unless defined $child;
if ($child) {
  close $_->{reader} for @rings;
  my @spare = grep { my $fd = $_; !grep { $_ == $fd } keys %output } map { fileno $_ } values %output;
  # Descriptors are copied by number: 33 is dup2 of x86-64.
  for my $fd (sort keys %output) { syscall(33, fileno $output{$fd}, $fd + 0) == -1 and die "descriptor $fd: $!\n" }
  syscall(3, $_) for @spare;
  { no warnings 'exec'; exec { $ARGV[0] } @ARGV; }
  print STDERR "failed to execute $ARGV[0]: $!\n";
  exit 127;
}

# Nothing of the program's may be kept open or busy here.
%output = ();
open my $nothing, '+<', '/dev/null' or die "/dev/null: $!\n";
syscall(33, fileno $nothing, $_) for 0 .. 2;
my %keep = map { $_ => 1 } 0 .. 2, fileno $nothing, map { fileno $_->{reader} } @rings;
for my $fd (0 .. 255) { syscall(3, $fd) unless $keep{$fd} }
chdir '/';
umask 077;
$SIG{$_} = 'IGNORE' for qw(HUP INT TERM PIPE);

sub fresh {
  my ($ring) = @_;
  close $ring->{file} if $ring->{file};
  rename $ring->{path}, "$ring->{path}.old" if ($ring->{size} // 0) > 0;
  # Its folder may be gone: what is printed then is lost, but whoever prints is not held up.
  open $ring->{file}, '>>', $ring->{path} or $ring->{file} = undef;
  $ring->{size} = $ring->{file} ? -s $ring->{file} : 0;
}

fresh($_) for @rings;
while (@rings) {
  my $wanted = '';
  vec($wanted, fileno $_->{reader}, 1) = 1 for @rings;
  select my $ready = $wanted, undef, undef, undef;
  for my $ring (@rings) {
    next unless vec($ready, fileno $ring->{reader}, 1);
    my $read = sysread $ring->{reader}, my $chunk, $bytes < 65536 ? $bytes : 65536;
    next if !defined $read;
    $ring->{ended} = 1 if $read == 0;
    next if $read == 0;
    fresh($ring) if $ring->{size} + $read > $bytes;
    syswrite $ring->{file}, $chunk if $ring->{file};
    $ring->{size} += $read;
  }
  @rings = grep { !$_->{ended} } @rings;
}
