# Describes a machine: see machine-cases.ts.
import os, re, stat, subprocess, hashlib, json

def out(*argv):
    ended = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return ended.stdout.decode(errors='replace').splitlines()

def digest(path):
    with open(path, 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]

def kernel():
    for link in ('/vmlinuz', '/initrd.img', '/vmlinuz.old', '/initrd.img.old'):
        yield link + ' -> ' + (os.readlink(link) if os.path.islink(link) else 'none')
    # An initial RAM disk holds its own times: its list of files is compared, not its bytes.
    for name in os.listdir('/boot'):
        path = '/boot/' + name
        if os.path.isfile(path):
            yield path + ('' if name.startswith('initrd') else ' ' + digest(path))
    for name in os.listdir('/lib/modules'):
        yield '/lib/modules/' + name

# The entry that boots by default, with what it boots; the text of the menu is grub-mkconfig's or the image's own.
def boot():
    with open('/boot/grub/grub.cfg') as file:
        text = file.read()
    entry = re.search(r"^\s*menuentry .*?^\s*}", text, re.M | re.S).group(0)
    title = re.search(r"menuentry '([^']*)'", entry).group(1)
    yield 'default ' + title
    for line in entry.splitlines():
        words = line.split()
        if words and words[0] in ('linux', 'initrd'):
            yield ' '.join(words)
    yield 'entries ' + str(len(re.findall(r'^\s*menuentry ', text, re.M)))

def initramfs():
    # Not the link, which zstd refuses. Once each: early microcode archives repeat folders.
    return set(out('lsinitramfs', os.path.realpath('/initrd.img')))

MADE_AT_RUN_TIME = ('generated', 'transient', 'enabled-runtime', 'masked-runtime', 'linked-runtime')

def units():
    for line in out('systemctl', 'list-unit-files', '--no-legend', '--no-pager', '--full'):
        words = line.split()
        if len(words) > 1 and words[1] not in MADE_AT_RUN_TIME:
            yield words[0] + ' ' + words[1]
    yield 'default ' + ''.join(out('systemctl', 'get-default'))

def sysctl():
    for folder in ('/etc/sysctl.d', '/usr/lib/sysctl.d', '/usr/local/lib/sysctl.d'):
        for name in (os.listdir(folder) if os.path.isdir(folder) else ()):
            path = folder + '/' + name
            yield path + ' ' + (os.readlink(path) if os.path.islink(path) else digest(path))
    if os.path.exists('/etc/sysctl.conf'):
        yield '/etc/sysctl.conf ' + digest('/etc/sysctl.conf')

# Folders of which only the folder itself counts.
CLOSED = re.compile(
    r'^/(proc|sys|dev|run|tmp|lost\+found|mnt|media|root/\.cache|var/(tmp|log|cache|backups|'
    r'lib/(apt/lists|docker|containerd|cloud|systemd|private|dbus|logrotate|NetworkManager|chrony)))$')
# Of each machine's own making, or with times or random numbers in it.
OMITTED = re.compile(
    r'^/(etc/(machine-id|hostname|resolv\.conf|ssh/ssh_host_.*|\.pwd\.lock|\.updated|.*-)|var/\.updated|'
    r'root/\.(bash_history|lesshst)|boot/grub/grub(\.cfg|env)|var/lib/case-tick|var/lib/(dpkg|ucf)/.*-old|'
    r'var/lib/dpkg/triggers/Lock|var/lib/dpkg/lock.*|var/lib/apt/.*|.*/__pycache__(/.*)?|'
    r'var/lib/initramfs-tools/.*|boot/initrd.*|etc/docker/key\.json)$')
# Files below these are compared by content too.
BY_CONTENT = re.compile(r'^/(etc|usr/local|srv|opt|root|var/spool/cron)/')
DATED = re.compile(r'^/etc/(shadow|gshadow|ld\.so\.cache|ssl/certs/.*)$')

def files():
    device = os.lstat('/').st_dev
    pending = ['/']
    while pending:
        folder = pending.pop()
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if OMITTED.match(path):
                continue
            try:
                info = os.lstat(path)
            except FileNotFoundError:
                continue
            what = stat.filemode(info.st_mode) + ' ' + str(info.st_uid) + ':' + str(info.st_gid) + ' ' + path
            if stat.S_ISLNK(info.st_mode):
                what += ' -> ' + os.readlink(path)
            else:
                for attribute in sorted(os.listxattr(path)):
                    what += ' ' + attribute + '=' + os.getxattr(path, attribute).hex()
            by_content = BY_CONTENT.match(path) and not DATED.match(path)
            if stat.S_ISREG(info.st_mode) and by_content and info.st_dev == device:
                what += ' ' + digest(path)
            yield what
            if stat.S_ISDIR(info.st_mode) and info.st_dev == device and not CLOSED.match(path):
                pending.append(path)

def accounts():
    # Without the day of the last change, which is the day of the build.
    for file in ('/etc/shadow', '/etc/gshadow'):
        with open(file) as lines:
            for line in lines:
                fields = line.rstrip('\n').split(':')
                if file == '/etc/shadow':
                    fields[2] = ''
                yield file + ' ' + ':'.join(fields)

sections = {
    'packages': out(
        'dpkg-query', '-W', '-f', '${Package}:${Architecture} ${Version} ${db:Status-Want} ${db:Status-Status}\n'),
    'manual': out('apt-mark', 'showmanual'),
    'kernel': kernel(), 'boot': boot(), 'initramfs': initramfs(), 'units': units(), 'sysctl': sysctl(),
    'accounts': accounts(), 'files': files(),
}
print(json.dumps({name: sorted(lines) for name, lines in sections.items()}))
