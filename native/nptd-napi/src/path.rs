//! Places in an argument, like `uplinks[1].ipv4.pool[0]`, and the checks that name them.

use std::fmt;

use crate::binding_error::BindingError;

/// A place, built on the way down and written out only when something is wrong there.
#[derive(Clone, Copy)]
pub enum Path<'a> {
    /// The argument itself.
    Root,
    /// A field of an object.
    Field(&'a Path<'a>, &'static str),
    /// An element of an array.
    Element(&'a Path<'a>, usize),
}

/// A kind of error that has a path: made from the path and the problem.
pub type Refuse = fn(String, &'static str) -> BindingError;

impl<'a> Path<'a> {
    /// A field of the object at this place.
    pub fn field(&'a self, name: &'static str) -> Self {
        Self::Field(self, name)
    }

    /// An element of the array at this place.
    pub fn element(&'a self, index: usize) -> Self {
        Self::Element(self, index)
    }

    /// The number at this place as an integer type: whole and in range.
    pub fn integer<T: TryFrom<u64>>(&self, value: f64, refuse: Refuse) -> Result<T, BindingError> {
        let whole = (0.0..=MAX_SAFE_INTEGER).contains(&value) && value.fract() == 0.0;
        let converted = if whole { T::try_from(value as u64).ok() } else { None };
        converted.ok_or_else(|| refuse(self.to_string(), "is not a whole number in range"))
    }

    /// The octets at this place, exactly `N` of them.
    pub fn octets<const N: usize>(&self, octets: &[u8], refuse: Refuse) -> Result<[u8; N], BindingError> {
        octets.try_into().map_err(|_| refuse(self.to_string(), "has the wrong number of octets"))
    }

    /// The IPv6 address at this place.
    pub fn address6(&self, octets: &[u8], refuse: Refuse) -> Result<u128, BindingError> {
        Ok(u128::from_be_bytes(self.octets(octets, refuse)?))
    }

    /// Converts each element of the array at this place.
    pub fn each<From, To>(
        &self,
        elements: &[From],
        convert: impl Fn(Path<'_>, &From) -> Result<To, BindingError>,
    ) -> Result<Vec<To>, BindingError> {
        let numbered = elements.iter().enumerate();
        numbered.map(|(index, element)| convert(self.element(index), element)).collect()
    }
}

/// 2^53 - 1: beyond it a JavaScript number skips integers.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => out.write_str(name),
            Self::Field(parent, name) => write!(out, "{parent}.{name}"),
            Self::Element(parent, index) => write!(out, "{parent}[{index}]"),
        }
    }
}
