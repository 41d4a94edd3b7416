# SPDX-License-Identifier: GPL-3.0-or-later
#
# systemd-boot.sh WORK OSWALD PACKAGING: boots systemd with Oswald's units and
# nothing else, in namespaces that the caller has made (mount, PID, UTS, IPC,
# network, cgroup). Its root is this machine's with an overlay on top, which goes
# with the namespaces. What systemd-probe.sh finds out lands in WORK/probe.log.
set -eu
work=$1 oswald=$2 packaging=$3
mount --make-rprivate /
root=$work/root
mkdir "$work/layer" "$root"
mount -t tmpfs -o size=256m tmpfs "$work/layer"
mkdir "$work/layer/up" "$work/layer/work"
mount -t overlay -o "lowerdir=/,upperdir=$work/layer/up,workdir=$work/layer/work" overlay "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue"
mount -t devpts -o ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
for d in null zero full random urandom tty; do cp -a "/dev/$d" "$root/dev/"; done
mkdir "$root/oswald-test"
mount --bind "$work" "$root/oswald-test"

# Oswald is installed as oswald.service says.
units=$root/etc/systemd/system
rm -rf "${units:?}"/*
cp "$packaging"/systemd/*.service "$units/"
mkdir -p "$root/etc/sysusers.d" "$root/etc/tmpfiles.d"
cp "$packaging/sysusers.d/oswald.conf" "$root/etc/sysusers.d/"
cp "$packaging/tmpfiles.d/oswald.conf" "$root/etc/tmpfiles.d/"
cp "$oswald" "$root/usr/bin/oswald"
chroot "$root" systemd-sysusers
chroot "$root" systemd-tmpfiles --create /etc/tmpfiles.d/oswald.conf
cp "$work/config.toml" "$root/etc/oswald/config.toml"
echo secret >"$root/etc/oswald/password"
chroot "$root" chown root:oswald /etc/oswald/config.toml
chroot "$root" chown oswald /etc/oswald/password
chmod 640 "$root/etc/oswald/config.toml"
chmod 600 "$root/etc/oswald/password"
echo "# Home" >"$root/srv/oswald/pages/Home.md"

# Nothing else of this machine is started.
for unit in systemd-logind systemd-udevd systemd-udev-trigger systemd-networkd systemd-timesyncd systemd-random-seed systemd-firstboot; do
	ln -s /dev/null "$units/$unit.service"
done
printf '[Unit]\nRequires=basic.target\nAfter=basic.target\n' >"$units/default.target"
# shellcheck disable=SC2016
printf '[Unit]\nAfter=basic.target\n[Service]\nType=oneshot\nExecStart=/bin/sh /oswald-test/systemd-probe.sh\nStandardOutput=file:/oswald-test/probe.log\nStandardError=inherit\n' >"$units/probe.service"
mkdir "$units/default.target.wants" "$units/oswald.service.d"
ln -s ../probe.service "$units/default.target.wants/probe.service"
# So that a test need not wait for two minutes; the test binary acts as the program.
printf '[Service]\nWatchdogSec=6s\nEnvironment=OSWALD_TEST_BE_OSWALD=1\n' >"$units/oswald.service.d/test.conf"
for role in bot site comments; do
	mkdir "$units/oswald-$role.service.d"
	printf '[Service]\nEnvironment=OSWALD_TEST_BE_OSWALD=1\n' >"$units/oswald-$role.service.d/test.conf"
done
exec env -i container=oswald-test PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" /lib/systemd/systemd --log-target=console
