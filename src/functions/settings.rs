//! Settings of the database and the session: `SET segue_threads = 2`.
//!
//! DuckDB checks their types, and asks nobody about their values. So a function that reads a
//! setting judges it, when its statement is bound.

use super::arguments;
use crate::device::DEVICES;
use crate::error::{Error, Result};
use crate::store::Caller;
use crate::threads::Threads;
use crate::train::{Default, Kind, Options, Param, Setting};

const DEFAULT_MODEL: Param = Param::new(
    "segue_default_model",
    Kind::Text,
    Default::Text(""),
    "The model that functions answer from when none is named; empty for the one that use_model \
     chose, else the latest.",
);
const DEVICE: Param = Param::new(
    "segue_device",
    Kind::Choice(DEVICES),
    Default::Text("auto"),
    "Where trainings compute that do not say: cpu, cuda, or auto for a GPU where there is one.",
);
const THREADS: Param = Param::new(
    "segue_threads",
    Kind::Int { min: 0, max: i64::MAX },
    Default::Int(0),
    "The most threads of its own that a statement of Segue computes on, within DuckDB's threads; \
     0 for as many as DuckDB's.",
);

/// Every setting of ours.
pub(super) const SETTINGS: &[Param] = &[DEFAULT_MODEL, DEVICE, THREADS];

/// DuckDB's own settings that nested connections take over from the caller's session: what a
/// relation's query or a file's name means depends on them.
pub(super) const INHERITED_SETTINGS: &[&str] =
    &["TimeZone", "Calendar", "home_directory", "file_search_path"];

/// DuckDB's own settings that functions look at.
pub(super) const DUCKDB_SETTINGS: &[&str] = &[DUCKDB_THREADS, "lock_configuration"];

const DUCKDB_THREADS: &str = "threads";

/// The model that the caller chose for statements that name none.
pub(super) fn default_model(caller: &Caller) -> Option<&str> {
    caller.settings.get(DEFAULT_MODEL.name).map(str::trim).filter(|name| !name.is_empty())
}

/// The error of a function that found nothing under the name in `segue_default_model`.
pub(super) fn blame_default_model(error: Error) -> Error {
    match error {
        Error::Model(message) => Error::Model(format!(
            "{message} (the name is from the setting {0}; SET another, or RESET {0})",
            DEFAULT_MODEL.name
        )),
        other => other,
    }
}

/// Where to compute: what the option `device` says, else the setting.
///
/// # Errors
/// The setting names no device.
pub(super) fn device(caller: &Caller, function: &str, options: &Options) -> Result<String> {
    if let Some(device) = options.text("device") {
        return Ok(device.to_owned());
    }
    match checked(caller, function, &DEVICE)? {
        Some(Setting::Text(device)) => Ok(device),
        _ => Ok(DEVICES[0].to_owned()),
    }
}

/// How many threads to compute on, at least one.
///
/// # Errors
/// The setting is negative.
fn thread_count(caller: &Caller, function: &str) -> Result<usize> {
    let ours = match checked(caller, function, &THREADS)? {
        Some(Setting::Int(count)) if count > 0 => usize::try_from(count).ok(),
        _ => None,
    };
    // Where the caller's settings are not known, DuckDB has no say in it.
    let duckdbs = caller.settings.get(DUCKDB_THREADS).and_then(|count| count.parse().ok());
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    Ok([ours, duckdbs].into_iter().flatten().min().unwrap_or_else(all).max(1))
}

/// The threads for answers; every statement that may have as many shares them.
///
/// # Errors
/// The setting is negative; the system gives no more threads.
pub(super) fn threads(caller: &Caller, function: &str) -> Result<Threads> {
    Threads::shared(thread_count(caller, function)?)
}

/// The threads for one training, all or one. Most trainings in epochs get one: their operations take
/// microseconds, and split among threads each would wait for the slowest, which on a busy machine costs
/// far more than a second core gives on an idle one.
///
/// # Errors
/// The setting is negative; the system gives no more threads.
pub(super) fn training_threads(caller: &Caller, function: &str, all: bool) -> Result<Threads> {
    let count = thread_count(caller, function)?;
    Threads::own(if all { count } else { 1 })
}

/// The value of a setting, `None` where it has none.
fn checked(caller: &Caller, function: &str, param: &Param) -> Result<Option<Setting>> {
    let Some(text) = caller.settings.get(param.name) else { return Ok(None) };
    arguments::from_text(param, text).map(Some).map_err(|message| {
        Error::data(format!(
            "{function}: setting {0} {message} (SET another value, or RESET {0})",
            param.name
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Host;

    fn caller(settings: &[(&str, &str)]) -> Caller {
        let host = Host::over(duckdb::Connection::open_in_memory().unwrap());
        let pairs = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Caller { settings: pairs.collect(), ..Caller::new(host) }
    }

    #[test]
    fn the_lower_of_both_numbers_of_threads_counts() {
        let count = |ours, duckdbs| {
            let caller = caller(&[("segue_threads", ours), ("threads", duckdbs)]);
            thread_count(&caller, "f").unwrap()
        };
        assert_eq!([count("0", "6"), count("4", "6"), count("8", "6")], [6, 4, 6]);
        assert_eq!(threads(&caller(&[("segue_threads", "2")]), "f").unwrap().count(), 2);
        let one = training_threads(&caller(&[("threads", "3")]), "f", false).unwrap();
        let all = training_threads(&caller(&[("threads", "3")]), "f", true).unwrap();
        assert_eq!((one.count(), all.count()), (1, 3));
    }

    #[test]
    fn a_bad_value_is_named_with_what_is_allowed() {
        let caller = caller(&[("segue_threads", "-1"), ("segue_device", "cdua")]);
        let message = threads(&caller, "recommend").unwrap_err().to_string();
        assert_eq!(
            message,
            "recommend: setting segue_threads must be a whole number of at least 0; got -1 (SET \
             another value, or RESET segue_threads)"
        );
        let message = device(&caller, "train_harm", &Options::default()).unwrap_err().to_string();
        assert!(message.contains("setting segue_device must be one of 'auto'"), "{message}");
        assert!(message.contains("'cdua'") && message.contains("'cuda'?"), "{message}");
    }

    #[test]
    fn the_option_goes_before_the_setting() {
        let caller = caller(&[("segue_device", "CPU")]);
        let mut options = Options::default();
        assert_eq!(device(&caller, "f", &options).unwrap(), "cpu");
        options.set("device", Setting::Text("auto".into()));
        assert_eq!(device(&caller, "f", &options).unwrap(), "auto");
    }

    #[test]
    fn an_empty_name_is_no_default_model() {
        assert_eq!(default_model(&caller(&[("segue_default_model", " ")])), None);
        assert_eq!(default_model(&caller(&[])), None);
        assert_eq!(default_model(&caller(&[("segue_default_model", "harm")])), Some("harm"));
    }
}
