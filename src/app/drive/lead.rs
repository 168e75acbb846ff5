//! Who may cut: from owning the control partition to having one's own generation read back.

/// Where this process stands on its way to leading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// Somebody else leads, or nobody does.
    Standby,
    /// The control partition is ours; it is read to its end for the first time.
    Reading,
    /// Read: a new producer must fence the one before.
    Fencing,
    /// Fenced; our generation is to be appended.
    Fenced,
    /// Our generation is appended and not read back yet.
    Announced(u64),
    /// Our generation is the newest in the log: we cut.
    Leading(u64),
}

impl Lead {
    /// The generation under which we may cut.
    pub(super) const fn generation(self) -> Option<u64> {
        match self {
            Self::Leading(n) => Some(n),
            _ => None,
        }
    }
}
