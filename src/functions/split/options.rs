//! Options that splits share.

use crate::error::{Error, Result};
use crate::functions::training::{SESSION, SONG, TIME, USER};
use crate::train::{Default, Kind, Options, Param};

/// The plays.
pub(super) const PLAYS: &[Param] = &[Param::new(
    "plays",
    Kind::Relation,
    Default::Required,
    "The plays: a relation with columns for user and song, and optionally time and session.",
)];

/// What draws.
pub(super) const SEED: Param = Param::new(
    "seed",
    Kind::Int { min: 0, max: i64::MAX },
    Default::Int(1),
    "The same seed and plays give the same split.",
);

const SHARE: Kind = Kind::Float { min: 0.0, max: 1.0 };

/// An option that is a share, without a default.
pub(super) const fn share(name: &'static str, default: Default, doc: &'static str) -> Param {
    Param::new(name, SHARE, default, doc)
}

/// Options with those that name columns after them.
pub(super) const fn with_columns<const N: usize, const M: usize>(own: [Param; N]) -> [Param; M] {
    let mut all = [USER; M];
    let mut at = 0;
    while at < N {
        all[at] = own[at];
        at += 1;
    }
    [all[N], all[N + 1], all[N + 2], all[N + 3]] = [USER, SONG, TIME, SESSION];
    all
}

/// The shares of test and validation, as SQL calculates with them exactly: 0.29 of 100 is 29.
/// `default` is that of shares which were not given.
///
/// # Errors
/// They leave nothing to train on.
pub(super) fn shares(function: &str, options: &Options, default: f64) -> Result<[String; 2]> {
    let share = |name| if options.has(name) { options.float(name) } else { default };
    let (test, validation) = (share("test"), share("validation"));
    if test + validation < 1.0 {
        return Ok([test, validation].map(|share| format!("CAST({share:.9} AS DECIMAL(10, 9))")));
    }
    let message = format!(
        "must leave something to train on: test := {test} and validation := {validation} are \
         {} of it all",
        test + validation
    );
    Err(Error::option(function, "test", message))
}
