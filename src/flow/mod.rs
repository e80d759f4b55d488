//! One verb a file: Options, Outcome, Error, one function. Flows do not call flows.

pub mod platform;
pub mod resolve;
