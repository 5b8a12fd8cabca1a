#!/usr/bin/perl
# Hands frames to a router that has one device on each of two sides of this namespace, and says what comes out of it.
# usage: exchange-frames.pl INTERNAL_IFINDEX EXTERNAL_IFINDEX MARKER
# Each line of stdin is a side and a frame in hexadecimal; the answer is a line of SIDE:PACKET, without link headers.
# After each frame the marker is sent from the internal side, which the router must forward: what was to come has come by then.
use strict;
use warnings;
use Socket;

$| = 1;
my ($AF_PACKET, $OUTGOING, $WAIT_S) = (17, 4, 5);
my ($internal, $external, $marker) = @ARGV;
my %index = (internal => $internal, external => $external);
my %side = reverse %index;
my $end = substr(pack('H*', $marker), -16);

socket(my $socket, $AF_PACKET, SOCK_RAW, 0xdd86) or die "socket: $!\n";    # IPv6 in network byte order
setsockopt($socket, SOL_SOCKET, SO_RCVBUF, 4_000_000);

sub transmit {
    my ($to, $frame) = @_;
    my $destination = pack('SnlSCCx8', $AF_PACKET, 0x86dd, $to, 0, 0, 6);    # struct sockaddr_ll
    defined send($socket, $frame, 0, $destination) or die "send: $!\n";
}

print "ready\n";
while (my $line = <STDIN>) {
    my ($from, $hex) = split ' ', $line;
    transmit($index{$from}, pack('H*', $hex));
    transmit($internal, pack('H*', $marker));
    my @packets;
    while (1) {
        my $ready = '';
        vec($ready, fileno($socket), 1) = 1;
        select($ready, undef, undef, $WAIT_S) or die "the marker did not come back\n";
        my $peer = recv($socket, my $frame, 65535, 0);
        my (undef, undef, $on, undef, $kind) = unpack('SnlSC', $peer);
        next if $kind == $OUTGOING || !exists $side{$on};
        last if substr($frame, -16) eq $end;
        push @packets, "$side{$on}:" . unpack('H*', substr($frame, 14));
    }
    print "@packets\n";
}
