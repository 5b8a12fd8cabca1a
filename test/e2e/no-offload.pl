#!/usr/bin/perl
# Makes a device finish what it sends: no checksum and no segmentation is left to the other end. What `ethtool -K` does,
# without ethtool.
# usage: no-offload.pl DEVICE
use strict;
use warnings;
use Socket;

my $SIOCETHTOOL = 0x8946;
# ETHTOOL_SGSO, STSO, SUFO, SSG, STXCSUM
my @commands = (0x24, 0x1f, 0x22, 0x19, 0x17);
socket(my $socket, AF_INET, SOCK_DGRAM, 0) or die "socket: $!\n";
for my $command (@commands) {
    my $value = pack('LL', $command, 0);
    # struct ifreq: the name, and a pointer to struct ethtool_value
    my $request = pack('a16 P x16', $ARGV[0], $value);
    ioctl($socket, $SIOCETHTOOL, $request) or $!{EOPNOTSUPP} or die "ethtool command $command: $!\n";
}
# ETHTOOL_GTXCSUM, GTSO: the kernel may keep a feature on that others need.
for my $command (0x16, 0x1e) {
    my $value = pack('LL', $command, 0);
    my $request = pack('a16 P x16', $ARGV[0], $value);
    ioctl($socket, $SIOCETHTOOL, $request) or die "ethtool command $command: $!\n";
    my (undef, $is_on) = unpack('LL', $value);
    die "offload $command of $ARGV[0] is still on\n" if $is_on;
}
