#!/usr/bin/perl
# UDP in trains: one send call, which the kernel cuts into datagrams (UDP_SEGMENT), or hands on uncut to a device that
# takes them so. Node has no such option.
# usage: trains.pl serve ADDRESS PORT
#        trains.pl call ADDRESS PORT TRAINS DATAGRAMS SIZE
# The caller sends trains and the server answers each with one like it, octets inverted; each prints, or the caller does for
# both, what came: {"there": datagrams, "back": datagrams, "wrong": datagrams}
use strict;
use warnings;
use Socket qw(:DEFAULT :addrinfo IPPROTO_UDP SO_RCVBUF MSG_DONTWAIT);
use IO::Select;

my $UDP_SEGMENT = 103;
my ($mode, $address, $port, $trains, $datagrams, $size) = @ARGV;
my ($error, $found) = getaddrinfo($address, $port, { flags => AI_NUMERICHOST, socktype => SOCK_DGRAM });
die "$address: $error\n" if $error;
socket(my $socket, $found->{family}, SOCK_DGRAM, IPPROTO_UDP) or die "socket: $!\n";
setsockopt($socket, SOL_SOCKET, SO_RCVBUF, pack('i', 4_000_000));
my $ready = IO::Select->new($socket);

# Datagrams begin with the number of the train, their place in it, and how many there are.
sub payload {
    my ($train, $place, $count, $length) = @_;
    my $head = pack('NNNN', $train, $place, $count, $length);
    my $body = join '', map { chr(($_ * 7 + $train + $place * 3) & 255) } 0 .. $length - length($head) - 1;
    return $head . $body;
}

sub send_train {
    my ($train, $count, $length, $to, $invert) = @_;
    setsockopt($socket, IPPROTO_UDP, $UDP_SEGMENT, pack('i', $length)) or die "UDP_SEGMENT: $!\n";
    my $whole = join '', map { payload($train, $_, $count, $length) } 0 .. $count - 1;
    $whole = ~$whole if $invert;
    defined send($socket, $whole, 0, $to) or die "send: $!\n";
}

if ($mode eq 'serve') {
    bind($socket, $found->{addr}) or die "bind: $!\n";
    $| = 1;
    print "ready\n";
    my %seen;
    while (1) {
        my $from = recv($socket, my $datagram, 65_535, 0);
        next unless defined $from;
        my ($train, $place, $count, $length) = unpack('NNNN', $datagram);
        next unless $datagram eq payload($train, $place, $count, $length);
        send_train($train, $count, $length, $from, 1) if ++$seen{"$from $train"} == $count;
    }
}

my ($back, $wrong) = (0, 0);
for my $train (1 .. $trains) {
    send_train($train, $datagrams, $size, $found->{addr}, 0);
    for my $place (0 .. $datagrams - 1) {
        last unless $ready->can_read(2);
        recv($socket, my $datagram, 65_535, 0);
        my (undef, $at) = unpack('NNNN', ~$datagram);
        if (~$datagram eq payload($train, $at, $datagrams, $size)) { $back++ }
        else { $wrong++ }
    }
}
print "{\"back\":$back,\"wrong\":$wrong}\n";
