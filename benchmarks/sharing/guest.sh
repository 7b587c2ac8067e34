#!/bin/sh
# In the guest, as root: an NFS server, two clients of it with network and host name of their own, and the job.
#   /srv/disk                 ext4 on a disk of its own; /srv/disk/export is what is exported
#   /run/clients/NAME.net     a client's network, .uts its host name
#   /run/clients/NAME.server  the NFS server's address for it
# clients.py mounts, as the job needs it.
set -e
python=$1
export PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
trap 'echo "guest.sh ends with $?"' EXIT
disk=/srv/disk
command -v modprobe > /dev/null || ln -s /bin/busybox /sbin/modprobe  # the kernel calls it as well
modprobe -a virtio_blk ext4 nfsd nfs nfsv3 nfsv4 veth
mkdir -p $disk
mkfs.ext4 -q /dev/vda
mount /dev/vda $disk
mkdir -m 777 $disk/export
ip link set lo up
hostname server

# Programs of the packages expect these users.
grep -q '^_rpc:' /etc/passwd || echo '_rpc:x:990:65534::/run/rpcbind:/usr/sbin/nologin' >> /etc/passwd
grep -q '^statd:' /etc/passwd || echo 'statd:x:991:65534::/var/lib/nfs:/usr/sbin/nologin' >> /etc/passwd
mkdir -p /run/rpcbind /run/clients /etc/exports.d
mkdir -p /var/lib/nfs/v4recovery /var/lib/nfs/nfsdcld /var/lib/nfs/rpc_pipefs
touch /var/lib/nfs/etab /var/lib/nfs/rmtab
mount -t rpc_pipefs rpc_pipefs /var/lib/nfs/rpc_pipefs
mount -t nfsd nfsd /proc/fs/nfsd
rpcbind -w
nfsdcld
echo "$disk/export *(rw,sync,no_root_squash,no_subtree_check,fsid=0)" > /etc/exports
exportfs -a
# A server that comes back waits so long for its clients; the usual 90 s would only make runs longer.
rpc.nfsd --grace-time 10 --lease-time 10 8
rpc.mountd

number=0
for name in writer reader; do
  number=$((number + 1))
  ip link add "to-$name" type veth peer name "at-$name"
  ip address add "10.0.$number.1/24" dev "to-$name"
  ip link set "to-$name" up
  touch "/run/clients/$name.net" "/run/clients/$name.uts"
  unshare "--net=/run/clients/$name.net" "--uts=/run/clients/$name.uts" hostname "$name"
  echo "10.0.$number.1" > "/run/clients/$name.server"
  ip link set "at-$name" netns "/run/clients/$name.net"
  nsenter "--net=/run/clients/$name.net" sh -c \
    "ip link set lo up; ip address add 10.0.$number.2/24 dev at-$name; ip link set at-$name up"
done
"$python" -c '
import json, os
job = json.load(open("/run/out/job.json"))
os.chdir(job["cwd"])
os.environ.update(job["env"])
log = os.open("/run/out/output.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
import subprocess
code = subprocess.run(job["command"], stdout=log, stderr=log).returncode
open("/run/out/exit-code", "w").write(str(code))
'
