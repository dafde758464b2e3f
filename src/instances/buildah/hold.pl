# Becomes the first process of a container build: in a user namespace, with a disk whose owners are those of that
# namespace, and in mount, process, network, IPC, host name and cgroup namespaces of its own, at the root directory that
# is this process's working directory.
#
#   perl hold.pl DISK FIRST-UID UIDS PROGRAM [ARGUMENT...]
#
# DISK is a folder of the host on which a file system is mounted; it appears as /work. Exits as PROGRAM does, 125 when
# something could not be set up.
#
# No modules: loading them takes longer than all of this.
use strict;
use warnings;

# x86-64.
my ($SETGROUPS, $SETRESUID, $SETRESGID, $PIVOT_ROOT, $MOUNT, $UMOUNT) = (116, 117, 119, 155, 165, 166);
my ($UNSHARE, $SETNS, $OPEN_TREE, $MOVE_MOUNT, $MOUNT_SETATTR) = (272, 308, 428, 429, 442);
my ($NEWNS, $NEWCGROUP, $NEWUTS, $NEWIPC, $NEWUSER, $NEWPID, $NEWNET) =
  (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000);
my ($AT_FDCWD, $AT_EMPTY_PATH, $TREE_CLONE, $TREE_CLOEXEC) = (-100, 0x1000, 1, 0x80000);
my ($FROM_EMPTY_PATH, $ATTR_IDMAP, $DETACH) = (4, 0x100000, 2);
my ($RDONLY, $NOSUID, $NODEV, $NOEXEC, $BIND, $REC, $PRIVATE) = (1, 2, 4, 8, 0x1000, 0x4000, 0x40000);

sub must {
  my ($what, $result) = @_;
  return $result if $result != -1;
  print STDERR "cannot set up the container build: $what: $!\n";
  exit 125;
}

# `syscall` writes to what it is given as a text.
sub mounted {
  my ($what, $source, $target, $type, $flags, $options) = @_;
  must($what, syscall($MOUNT, $source, $target, $type, $flags, $options // 0));
}

my ($disk, $first, $uids) = splice @ARGV, 0, 3;

# A process whose only purpose is its user namespace, until others are in it.
pipe my $mapped, my $map or must('a pipe', -1);
pipe my $ready, my $made or must('a pipe', -1);
my $owner = fork;
must('fork', -1) unless defined $owner;
if ($owner == 0) {
  close $map;
  must('a user namespace', syscall($UNSHARE, $NEWUSER));
  syswrite $made, '.';
  close $made;
  sysread $mapped, my $end, 1;
  exit 0;
}
close $made;
must('a user namespace', -1) unless sysread $ready, my $byte, 1;
for my $file (qw(uid_map gid_map)) {
  open my $out, '>', "/proc/$owner/$file" or must($file, -1);
  syswrite($out, "0 $first $uids\n") or must($file, -1);
}
open my $namespace, '<', "/proc/$owner/ns/user" or must('the user namespace', -1);

my $empty = '';
my $tree = must('the disk', syscall($OPEN_TREE, $AT_FDCWD, $disk, $TREE_CLONE | $TREE_CLOEXEC));
my $attributes = pack 'Q4', $ATTR_IDMAP, 0, 0, fileno $namespace;
must('the owners of the disk',
  syscall($MOUNT_SETATTR, $tree, $empty, $AT_EMPTY_PATH, $attributes, length $attributes));
my $work = 'work';
must('the disk', syscall($MOVE_MOUNT, $tree, $empty, $AT_FDCWD, $work, $FROM_EMPTY_PATH));

must('entering the user namespace', syscall($SETNS, fileno $namespace, 0));
close $map;
waitpid $owner, 0;
must('groups', syscall($SETGROUPS, 0, 0));
must('the group', syscall($SETRESGID, 0, 0, 0));
must('the user', syscall($SETRESUID, 0, 0, 0));
must('namespaces', syscall($UNSHARE, $NEWNS | $NEWPID | $NEWNET | $NEWIPC | $NEWUTS | $NEWCGROUP));

my $child = fork;
must('fork', -1) unless defined $child;
if ($child == 0) {
  mounted('mounts of its own', 'none', '/', 'none', $REC | $PRIVATE);
  # A mount that came along cannot become the root directory; a copy of it can.
  mounted('the root directory', '.', 'tmp', 'none', $BIND | $REC);
  chdir 'tmp' or must('the root directory', -1);
  # While the host's are still to be seen: the kernel lets in no more than what is there.
  mounted('/proc', 'proc', 'proc', 'proc', $NOSUID | $NODEV | $NOEXEC);
  mounted('/sys', 'sysfs', 'sys', 'sysfs', $RDONLY | $NOSUID | $NODEV | $NOEXEC);
  mounted('/sys/fs/cgroup', 'cgroup2', 'sys/fs/cgroup', 'cgroup2', $NOSUID | $NODEV | $NOEXEC);
  my ($new, $old) = ('.', '.');
  must('the root directory', syscall($PIVOT_ROOT, $new, $old));
  must('leaving the host', syscall($UMOUNT, $old, $DETACH));
  chdir '/' or must('the root directory', -1);
  mounted('/dev/pts', 'devpts', '/dev/pts', 'devpts', $NOSUID | $NOEXEC, 'newinstance,ptmxmode=0666,mode=620');
  mounted('/dev/shm', 'tmpfs', '/dev/shm', 'tmpfs', $NOSUID | $NODEV, 'mode=1777,size=64m');
  mounted('/run', 'tmpfs', '/run', 'tmpfs', $NOSUID | $NODEV, 'mode=0755,size=64m');
  { no warnings 'exec'; exec { $ARGV[0] } @ARGV; }
  print STDERR "failed to execute $ARGV[0]: $!\n";
  exit 127;
}
waitpid $child, 0;
exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
