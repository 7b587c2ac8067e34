#!/bin/busybox sh
# The guest's first program: mounts the host's files, with Debian's packages over them and memory to write into,
# and goes there. The host's own files cannot be written.
bb=/bin/busybox
fail() { echo "first.sh: $*"; $bb poweroff -f; }
for folder in /proc /sys /dev /host /parts /memory /new; do $bb mkdir -p $folder; done
$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs devtmpfs /dev
while read -r module; do $bb insmod "/modules/$module" || fail "$module"; done < /modules/order
nine=trans=virtio,version=9p2000.L,msize=512000
$bb mount -t 9p -o "ro,cache=loose,$nine" host /host || fail "the host's files"
$bb mount -t 9p -o "ro,cache=loose,$nine" parts /parts || fail "the packages"
$bb mount -t tmpfs -o size=1g memory /memory
$bb mkdir /memory/changes /memory/behind
layers=lowerdir=/parts:/host,upperdir=/memory/changes,workdir=/memory/behind
$bb mount -t overlay -o "$layers" overlay /new || fail "the layers"
$bb mount -t tmpfs -o mode=755 run /new/run
$bb mkdir -p /dev/shm
$bb mount -t tmpfs shm /dev/shm
for folder in proc sys dev; do $bb mount --move /$folder /new/$folder; done
$bb mkdir /new/run/out
$bb mount -t 9p -o "rw,$nine" out /new/run/out || fail "the folder for results"
{ read -r guest; read -r python; } < /new/run/out/guest
# The kernel loads what it needs from here, where it was born.
$bb mkdir /sbin
printf '#!/bin/busybox sh\nexec /bin/busybox chroot /new /sbin/modprobe "$@"\n' > /sbin/modprobe
$bb chmod 755 /sbin/modprobe
$bb chroot /new /bin/sh "$guest" "$python"
$bb sync
$bb poweroff -f
