#!/usr/bin/perl
# Sends raw frames out of a network device: each line of stdin is one frame in hexadecimal.
# Node cannot open AF_PACKET sockets, and Perl is on every Debian system.
# usage: send-frames.pl IFINDEX
use strict;
use warnings;
use Socket;

my $AF_PACKET   = 17;
my $ETH_P_ALL   = 0x0300;                                       # 3 in network byte order
my $destination = pack('SnlSCCx8', $AF_PACKET, 3, $ARGV[0], 0, 0, 6);    # struct sockaddr_ll
socket(my $socket, $AF_PACKET, SOCK_RAW, $ETH_P_ALL) or die "socket: $!\n";
my ($sent, $refused) = (0, 0);
while (my $line = <STDIN>) {
    chomp $line;
    if (defined send($socket, pack('H*', $line), 0, $destination)) { $sent++ }
    elsif ($!{EMSGSIZE} || $!{EINVAL}) { $refused++ }
    elsif ($!{ENOBUFS}) { select(undef, undef, undef, 0.001); redo }
    else                { die "send: $!\n" }
}
print "$sent sent, $refused refused by the kernel\n";
