//! The driver's clock. Only an adapter reads the system's; tests and simulations bring their own.

use crate::event::Time;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Time;
}
