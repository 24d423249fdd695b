//! The space of a search: which values which options may take, and the points that are tried.

use std::collections::BTreeSet;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::functions::arguments::{candidates, checked};
use crate::functions::contract::{SqlType, Value};
use crate::train::{Kind, ModelSpec, Options, Param, Setting};

/// The most points that are tried where no number is given.
const POINTS_MAX: usize = 10_000;
/// How often a point is drawn again that was drawn before.
const DRAWS_MAX: usize = 100;

/// One option and its values.
#[derive(Debug, Clone)]
struct Axis {
    param: Param,
    values: Values,
}

#[derive(Debug, Clone, PartialEq)]
enum Values {
    /// These.
    List(Vec<Setting>),
    /// Whole numbers from the first to the second; `true` where each order of magnitude is as likely.
    Ints(i64, i64, bool),
    /// Numbers in between.
    Floats(f64, f64, bool),
}

/// The options that are searched, in the order in which they were given.
#[derive(Debug, Clone)]
pub(super) struct Space(Vec<Axis>);

/// A point: the value of each option of the space.
pub(super) type Point = Vec<Setting>;

impl Space {
    /// Reads `{embedding_size: [32, 64], learning_rate: {min: 1e-4, max: 1e-2, log: true}}`.
    ///
    /// # Errors
    /// An option is not the model's, or a value not the option's.
    pub(super) fn new(function: &str, spec: &ModelSpec, space: &Value) -> Result<Self> {
        let wrong = |message: String| Error::option(function, "space", message);
        let fields = match space {
            Value::Struct(fields) if !fields.is_empty() => fields,
            _ => {
                let message = "must be a struct of options and their values, such as \
                               {embedding_size: [32, 64], learning_rate: {min: 1e-4, max: 1e-2, \
                               log: true}}";
                return Err(wrong(message.to_owned()));
            }
        };
        let mut axes: Vec<Axis> = Vec::new();
        for (name, values) in fields {
            let param = spec.params.iter().find(|param| param.name.eq_ignore_ascii_case(name));
            let Some(&param) = param else {
                let names: Vec<&str> = spec.params.iter().map(|param| param.name).collect();
                let train = format!("train_{}", spec.name);
                let message = format!(
                    "has '{name}', which is no option of {train}; {}",
                    candidates(name, &names)
                );
                return Err(wrong(message));
            };
            let values = Values::new(&param, values)
                .map_err(|message| wrong(format!("has {name}, which {message}")))?;
            axes.push(Axis { param, values });
        }
        Ok(Self(axes))
    }

    /// The names of its options.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|axis| axis.param.name)
    }

    /// The SQL type of a point.
    pub(super) fn sql_type(&self) -> SqlType {
        let field = |axis: &Axis| (axis.param.name.to_owned(), sql_type(axis.param.kind));
        SqlType::Struct(self.0.iter().map(field).collect())
    }

    /// A point as SQL shows it.
    pub(super) fn value(&self, point: &Point) -> Value {
        let fields = self.names().zip(point);
        Value::Struct(fields.map(|(name, value)| (name.to_owned(), value.into())).collect())
    }

    /// Sets the options of a point.
    pub(super) fn apply(&self, point: &Point, options: &mut Options) {
        for (name, setting) in self.names().zip(point) {
            options.set(name, setting.clone());
        }
    }

    /// The points to try: all combinations, the last option varying fastest, or, of more, `trials` drawn by
    /// the seed, none twice.
    ///
    /// # Errors
    /// There are too many combinations, or infinitely many, and no number of trials.
    pub(super) fn points(
        &self,
        function: &str,
        trials: Option<usize>,
        seed: u64,
    ) -> Result<Vec<Point>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let Some(size) = self.size() else {
            let Some(trials) = trials else {
                let message = "is missing: the space has a range, from which points are drawn; say \
                               how many, or give lists of values";
                return Err(Error::option(function, "trials", message));
            };
            return Ok(self.draw(trials, &mut rng));
        };
        match trials {
            Some(trials) if trials < size => {
                let mut drawn = BTreeSet::new();
                let places = std::iter::repeat_with(|| rng.random_range(0..size));
                let new = places.filter(|&place| drawn.insert(place)).take(trials);
                Ok(new.map(|place| self.point(place)).collect())
            }
            None if size > POINTS_MAX => {
                let message =
                    format!("is missing: the space has {size} combinations; say how many to try");
                Err(Error::option(function, "trials", message))
            }
            _ => Ok((0..size).map(|place| self.point(place)).collect()),
        }
    }

    /// How many combinations there are; `None` with a range.
    fn size(&self) -> Option<usize> {
        self.0.iter().try_fold(1_usize, |size, axis| match &axis.values {
            Values::List(values) => Some(size.saturating_mul(values.len())),
            _ => None,
        })
    }

    /// The combination of a number.
    fn point(&self, mut place: usize) -> Point {
        let mut point: Point = Vec::new();
        for axis in self.0.iter().rev() {
            if let Values::List(values) = &axis.values {
                point.push(values[place % values.len()].clone());
                place /= values.len();
            }
        }
        point.reverse();
        point
    }

    /// Points at random. Where whole numbers leave fewer than are wanted, there are fewer.
    fn draw(&self, trials: usize, rng: &mut ChaCha8Rng) -> Vec<Point> {
        let mut points: Vec<Point> = Vec::new();
        let mut draws = 0;
        while points.len() < trials && draws < trials.saturating_mul(DRAWS_MAX) {
            draws += 1;
            let point: Point = self.0.iter().map(|axis| axis.values.draw(rng)).collect();
            if !points.contains(&point) {
                points.push(point);
            }
        }
        points
    }
}

impl Values {
    fn new(param: &Param, given: &Value) -> std::result::Result<Self, String> {
        match given {
            Value::List(values) if values.is_empty() => Err("has no values".to_owned()),
            Value::List(values) => {
                let mut settings: Vec<Setting> = Vec::new();
                for value in values {
                    let setting = checked(param, value)?;
                    if !settings.contains(&setting) {
                        settings.push(setting);
                    }
                }
                Ok(Self::List(settings))
            }
            Value::Struct(fields) => Self::range(param, fields),
            single => Ok(Self::List(vec![checked(param, single)?])),
        }
    }

    fn range(param: &Param, fields: &[(String, Value)]) -> std::result::Result<Self, String> {
        let usage = || "must be a list of values or a range {min: …, max: …, log: true}".to_owned();
        let field = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, value)| value);
        let known = |(name, _): &(String, Value)| ["min", "max", "log"].contains(&name.as_str());
        let (Some(min), Some(max)) = (field("min"), field("max")) else { return Err(usage()) };
        let log = match field("log") {
            None => false,
            Some(Value::Bool(log)) => *log,
            Some(_) => return Err(usage()),
        };
        if !fields.iter().all(known) {
            return Err(usage());
        }
        match (param.kind, checked(param, min)?, checked(param, max)?) {
            (Kind::Int { .. }, Setting::Int(min), Setting::Int(max)) => {
                in_order(min as f64, max as f64, log)?;
                Ok(Self::Ints(min, max, log))
            }
            (Kind::Float { .. }, Setting::Float(min), Setting::Float(max)) => {
                in_order(min, max, log)?;
                Ok(Self::Floats(min, max, log))
            }
            _ => Err("has no range, for it is no number; give a list".to_owned()),
        }
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> Setting {
        match self {
            Self::List(values) => values[rng.random_range(0..values.len())].clone(),
            Self::Ints(min, max, false) => Setting::Int(rng.random_range(*min..=*max)),
            Self::Ints(min, max, true) => {
                // One more, so that rounding down gives the largest its share.
                let drawn = log_uniform(*min as f64, *max as f64 + 1.0, rng);
                Setting::Int((drawn.floor() as i64).clamp(*min, *max))
            }
            Self::Floats(min, max, log) => {
                let drawn = match log {
                    true => log_uniform(*min, *max, rng),
                    false => rng.random_range(*min..=*max),
                };
                Setting::Float(rounded(drawn).clamp(*min, *max))
            }
        }
    }
}

fn in_order(min: f64, max: f64, log: bool) -> std::result::Result<(), String> {
    if min >= max {
        return Err(format!("has a range from {min} to {max}; min must be below max"));
    }
    if log && min <= 0.0 {
        return Err(format!("has a range from {min} on a log scale; min must be above 0"));
    }
    Ok(())
}

fn log_uniform(min: f64, max: f64, rng: &mut ChaCha8Rng) -> f64 {
    rng.random_range(min.ln()..=max.ln()).exp()
}

/// Four digits: more say nothing, and cannot be typed.
fn rounded(number: f64) -> f64 {
    format!("{number:.3e}").parse().unwrap_or(number)
}

/// The SQL type of an option's values.
fn sql_type(kind: Kind) -> SqlType {
    match kind {
        Kind::Bool => SqlType::Boolean,
        Kind::Int { .. } => SqlType::BigInt,
        Kind::Float { .. } => SqlType::Double,
        Kind::IntList { .. } => SqlType::List(Box::new(SqlType::BigInt)),
        Kind::TextList => SqlType::List(Box::new(SqlType::Varchar)),
        _ => SqlType::Varchar,
    }
}

#[cfg(test)]
#[path = "space_tests.rs"]
mod tests;
