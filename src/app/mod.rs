//! The only wiring, and the driver.

mod meter;

pub use meter::HttpMeter;
