//! Ids as the machine handles them: 128-bit hashes of the text that users send.

use xxhash_rust::xxh3::xxh3_128;

/// A user, item or unit id: the XXH3-128 hash of its UTF-8 bytes (seed 0).
///
/// Two texts share an `Id` with probability about n²/2¹²⁹: at ten billion ids, 10⁻¹⁹.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub u128);

impl Id {
    /// The id of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(xxh3_128(text.as_bytes()))
    }
}

/// The key of a decision: the bits of its UUID, or the hash of its text where the id is not a UUID
/// (decisions logged by somebody else may use ids of their own).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DecisionKey(pub u128);

impl DecisionKey {
    /// The key of a decision id as it stands in an event.
    #[must_use]
    pub fn of(text: &str) -> Self {
        match uuid::Uuid::try_parse(text) {
            Ok(id) => Self(id.as_u128()),
            Err(_) => Self(xxh3_128(text.as_bytes())),
        }
    }
}
