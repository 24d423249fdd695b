//! The caller's database: relations read as Arrow, models kept in schema `segue`.

mod host;

pub use host::{Caller, Host};
