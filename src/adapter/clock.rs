//! Clocks: the system's, read here and nowhere else, and one that is set by hand.

use crate::event::{Span, Time};
use crate::port::Clock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Time {
        let millis = |d: Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => Time(millis(after)),
            Err(before) => Time(-millis(before.duration())),
        }
    }
}

/// Measures how long something takes; never runs backwards, unlike a wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins to measure.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "durations are measured here and nowhere else")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// The time since the start, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }

    /// The time since the start, and starts again.
    pub fn lap(&mut self) -> Duration {
        let now = Self::start();
        std::mem::replace(self, now).0.elapsed()
    }
}

/// A clock that stands still until it is moved: for tests and simulations.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows this time.
    #[must_use]
    pub const fn at(time: Time) -> Self {
        Self(AtomicI64::new(time.0))
    }

    /// Shows another time, earlier or later.
    pub fn set(&self, time: Time) {
        self.0.store(time.0, Ordering::SeqCst);
    }

    /// Moves on by a span.
    pub fn advance(&self, span: Span) {
        self.0.fetch_add(span.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::SeqCst))
    }
}

/// Nanoseconds since this process first asked: for measuring, never for deciding.
#[must_use]
pub fn monotonic_nanos() -> u64 {
    static BEGUN: std::sync::OnceLock<Stopwatch> = std::sync::OnceLock::new();
    u64::try_from(BEGUN.get_or_init(Stopwatch::start).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_tell_the_time() {
        let clock = ManualClock::at(Time(5));
        clock.advance(Span::seconds(1));
        assert_eq!(clock.now(), Time(1005));
        clock.set(Time(-1));
        assert_eq!(clock.now(), Time(-1));
        assert!(SystemClock.now() > Time(1_600_000_000_000));
        let mut watch = Stopwatch::start();
        let lap = watch.lap();
        assert!(watch.seconds() >= 0.0 && lap <= watch.elapsed() + lap);
    }
}
