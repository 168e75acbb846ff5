//! Progressive validation, off-policy estimates, confidence sequences, sample-ratio test, drift.

pub mod sequence;

pub use sequence::EmpiricalBernstein;
