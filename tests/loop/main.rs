//! The whole loop as one instance runs it, in this process: HTTP over a socket, Kafka embedded or real.

mod bad_input;
mod instance;
mod restoring;
mod round;
mod warm;
