//! Remote endpoints that see the site untranslated (6888-R6).

use alloc::vec::Vec;

use super::prefix::Prefix4;
use super::spec::ExemptSpec;

/// What the plan says of a remote endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exemption {
    /// It is translated.
    None,
    /// It is exempt whatever its port.
    ByAddress,
    /// It is exempt for its port, or could be if its port were known.
    ByPort,
}

/// Compiled entries.
#[derive(Clone, Debug, Default)]
pub struct Exemptions(Vec<Entry>);

#[derive(Clone, Copy, Debug)]
struct Entry {
    prefix: Prefix4,
    protocol: Option<u8>,
    ports: Option<(u16, u16)>,
}

impl Exemptions {
    /// Compiles entries in the order of the plan.
    pub fn new(specs: &[ExemptSpec]) -> Self {
        let entries = specs.iter().map(|spec| Entry {
            prefix: Prefix4::covering(spec.prefix.0, spec.prefix.1),
            protocol: spec.protocol,
            ports: spec.ports,
        });
        Self(entries.collect())
    }

    /// The prefixes that something is said of.
    pub fn prefixes(&self) -> impl Iterator<Item = Prefix4> {
        self.0.iter().map(|entry| entry.prefix)
    }

    /// What is said of an address, an IP protocol and a port (none in a fragment that does not have it).
    pub fn of(&self, address: u32, protocol: u8, port: Option<u16>) -> Exemption {
        let covers =
            |entry: &&Entry| entry.prefix.contains(address) && entry.protocol.is_none_or(|wanted| wanted == protocol);
        let mut found = Exemption::None;
        for entry in self.0.iter().filter(covers) {
            match entry.ports {
                None => return Exemption::ByAddress,
                Some((low, high)) if port.is_none_or(|port| (low..=high).contains(&port)) => found = Exemption::ByPort,
                Some(_) => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_covers_its_prefix_protocol_and_ports_6888_r6() {
        let entry = |address, protocol, ports| ExemptSpec { prefix: (address, 24), protocol, ports };
        let list = [
            entry(0x0a00_0000, None, None),
            entry(0x0b00_0000, Some(17), Some((53, 60))),
            entry(0x0b00_0000, Some(47), None),
        ];
        let exempt = Exemptions::new(&list);
        for (address, protocol, port, expected) in [
            (0x0a00_00ff, 6, Some(1), Exemption::ByAddress),
            (0x0a00_0100, 6, Some(1), Exemption::None),
            (0x0b00_0001, 17, Some(53), Exemption::ByPort),
            (0x0b00_0001, 17, Some(60), Exemption::ByPort),
            (0x0b00_0001, 17, Some(61), Exemption::None),
            (0x0b00_0001, 17, None, Exemption::ByPort),
            (0x0b00_0001, 6, Some(53), Exemption::None),
            (0x0b00_0001, 47, None, Exemption::ByAddress),
        ] {
            assert_eq!(exempt.of(address, protocol, port), expected, "{address:x} {protocol} {port:?}");
        }
    }
}
