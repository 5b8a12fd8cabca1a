#!/usr/bin/perl
# Payloads of any IP protocol, for protocols that the kernel has no sockets for.
#
#   raw-ip.pl answer ADDRESS PROTOCOL TYPE           says "ready", then sends each payload back, and prints whom it was from
#   raw-ip.pl ask ADDRESS PROTOCOL TYPE REMOTE HEX   sends a payload, and prints what comes back within a second, or "nothing"
#
# TYPE is raw, or datagram for a protocol with ports (the remote port is then 4000, and so is that which answers).
use strict;
use warnings;
use Socket;

$| = 1;
my ($role, $address, $protocol, $type, $remote, $hex) = @ARGV;
my $port = $type eq 'datagram' ? 4000 : 0;
socket(my $socket, PF_INET, $type eq 'raw' ? SOCK_RAW : SOCK_DGRAM, $protocol) or die "socket: $!\n";
bind($socket, sockaddr_in($role eq 'answer' ? $port : 0, inet_aton($address))) or die "bind: $!\n";

# A raw socket receives the IP header as well.
sub payload_of {
    my ($packet) = @_;
    return $packet if $type ne 'raw';
    return substr($packet, 4 * (ord($packet) & 15));
}

if ($role eq 'answer') {
    print "ready\n";
    while (defined(my $from = recv($socket, my $packet, 65535, 0))) {
        my ($peer_port, $peer) = sockaddr_in($from);
        my $payload = payload_of($packet);
        print inet_ntoa($peer), " ", $type eq 'raw' ? 0 : $peer_port, " ", unpack('H*', $payload), "\n";
        send($socket, $payload, 0, $from);
    }
} else {
    my $to = sockaddr_in($port, inet_aton($remote));
    send($socket, pack('H*', $hex), 0, $to) or die "send: $!\n";
    my $ready = '';
    vec($ready, fileno($socket), 1) = 1;
    while (select(my $readable = $ready, undef, undef, 1)) {
        my $from = recv($socket, my $packet, 65535, 0);
        if (!defined $from) { print "refused\n"; exit; }
        my (undef, $peer) = sockaddr_in($from);
        next if inet_ntoa($peer) ne $remote;
        print unpack('H*', payload_of($packet)), "\n";
        exit;
    }
    print "nothing\n";
}
