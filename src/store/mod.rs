//! The caller's database: relations read as Arrow, models kept in schema `segue`.

mod host;
mod names;
mod relation;
mod syntax;

pub use host::{Caller, Host};
pub use names::{alternatives, literal, quote, similar};
pub use relation::{Column, Relation};
