//! The command line, in the style of DuckDB's CLI: long options with one dash or two.

use std::path::PathBuf;

use super::settings::{Settings, unescape};
use crate::suggest::closest;

/// What the command line asks for.
#[derive(Debug, Default)]
pub struct Args {
    /// The database file; in memory without one.
    pub database: Option<PathBuf>,
    /// Whether the database is opened without the right to change it.
    pub read_only: bool,
    /// What to run, in the order given.
    pub actions: Vec<Action>,
    /// Read before anything else, in place of `~/.seguerc`.
    pub init: Option<PathBuf>,
    /// Whether to leave after `actions` even if there are none.
    pub no_stdin: bool,
    /// Settings as the options leave them.
    pub settings: Settings,
    /// Whether only the help is asked for.
    pub help: bool,
    /// Whether only the version is asked for.
    pub version: bool,
}

/// Something to run.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// SQL or dot commands given on the command line.
    Command(String),
    /// A file of them.
    File(PathBuf),
}

/// An option of the command line.
struct Flag {
    name: &'static str,
    /// What its argument is called, if it takes one.
    argument: Option<&'static str>,
    help: &'static str,
    apply: fn(&mut Args, String),
}

/// A flag that takes no argument.
const fn switch(name: &'static str, help: &'static str, apply: fn(&mut Args, String)) -> Flag {
    Flag { name, argument: None, help, apply }
}

/// A flag that takes one.
const fn value(
    name: &'static str,
    argument: &'static str,
    help: &'static str,
    apply: fn(&mut Args, String),
) -> Flag {
    Flag { name, argument: Some(argument), help, apply }
}

/// Every option but the output modes, which are options of their own names.
const FLAGS: [Flag; 15] = [
    value("c", "SQL", "run SQL or a dot command and exit; may be repeated", |args, text| {
        args.actions.push(Action::Command(text));
    }),
    value("f", "FILE", "run a file and exit; may be repeated", |args, path| {
        args.actions.push(Action::File(path.into()));
    }),
    value("init", "FILE", "run a file first, in place of ~/.seguerc", |args, path| {
        args.init = Some(path.into());
    }),
    switch("readonly", "open the database read-only", |args, _| args.read_only = true),
    switch("header", "write the names of columns", |args, _| args.settings.headers = true),
    switch("noheader", "leave out the names of columns", |args, _| args.settings.headers = false),
    value("separator", "SEP", "what separates values in csv and list", |args, text| {
        args.settings.separator = Some(unescape(&text));
    }),
    value("nullvalue", "TEXT", "the text for NULL", |args, text| {
        args.settings.null_value = text;
    }),
    switch("bail", "stop at the first error", |args, _| args.settings.bail = true),
    switch("echo", "print statements before they run", |args, _| args.settings.echo = true),
    switch("no-stdin", "do not read standard input", |args, _| args.no_stdin = true),
    switch("version", "print the version", |args, _| args.version = true),
    switch("v", "print the version", |args, _| args.version = true),
    switch("help", "print this help", |args, _| args.help = true),
    switch("h", "print this help", |args, _| args.help = true),
];

/// Reads the command line, without the program's name.
///
/// # Errors
/// An unknown option, or one without its argument; the message names it.
pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Args, String> {
    let mut args = Args::default();
    let mut words = words.into_iter();
    let mut only_operands = false;
    while let Some(word) = words.next() {
        if word == "--" && !only_operands {
            only_operands = true;
            continue;
        }
        let Some(name) = word.strip_prefix('-').filter(|name| !only_operands && !name.is_empty())
        else {
            operand(&mut args, word);
            continue;
        };
        let name = name.strip_prefix('-').unwrap_or(name);
        if args.settings.set_mode(name).is_ok() {
            continue;
        }
        let flag = FLAGS.iter().find(|flag| flag.name == name).ok_or_else(|| unknown(&word))?;
        let argument = match flag.argument {
            None => String::new(),
            Some(argument) => words.next().ok_or_else(|| {
                format!("option '{word}' needs an argument: {word} {argument} ({})", flag.help)
            })?,
        };
        (flag.apply)(&mut args, argument);
    }
    Ok(args)
}

/// The database, then SQL, as DuckDB's CLI takes them.
fn operand(args: &mut Args, word: String) {
    if args.database.is_none() {
        args.database = Some(word.into());
    } else {
        args.actions.push(Action::Command(word));
    }
}

fn unknown(word: &str) -> String {
    let known = FLAGS.iter().map(|flag| flag.name);
    let modes = super::render::Mode::ALL.iter().map(|(name, _)| *name);
    let hint = closest(word.trim_start_matches('-'), known.chain(modes))
        .map_or(String::new(), |name| format!(" Did you mean '-{name}'?"));
    format!("unknown option '{word}'.{hint} 'segue -help' lists all options")
}

/// The text of `-help`.
pub fn help() -> String {
    let mut text = String::from(
        "Usage: segue [OPTIONS] [DATABASE] [SQL]...\n\n\
         DATABASE is a DuckDB database file, created if it does not exist; without one the\n\
         database is in memory. SQL, -c and -f run in the order given, and Segue then exits.\n\n\
         Options:\n",
    );
    let line = |left: String, help: &str| format!("  {left:<18} {help}\n");
    for flag in FLAGS {
        let argument = flag.argument.map_or(String::new(), |argument| format!(" {argument}"));
        text.push_str(&line(format!("-{}{argument}", flag.name), flag.help));
    }
    for (name, _) in super::render::Mode::ALL {
        text.push_str(&line(format!("-{name}"), "output mode"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::render::Mode;

    fn parse_words(words: &[&str]) -> Result<Args, String> {
        parse(words.iter().map(ToString::to_string))
    }

    #[test]
    fn actions_keep_their_order() {
        let args = parse_words(&["my.db", "-c", "A", "-f", "b.sql", "--c", "C", "D"]).unwrap();
        assert_eq!(args.database, Some("my.db".into()));
        assert_eq!(
            args.actions,
            [
                Action::Command("A".into()),
                Action::File("b.sql".into()),
                Action::Command("C".into()),
                Action::Command("D".into()),
            ]
        );
    }

    #[test]
    fn one_dash_and_two_are_alike() {
        for words in [["-csv", "-readonly", "-bail"], ["--csv", "--readonly", "--bail"]] {
            let args = parse_words(&words).unwrap();
            assert_eq!(args.settings.mode, Mode::Csv);
            assert!(args.read_only && args.settings.bail);
        }
    }

    #[test]
    fn arguments_may_look_like_options() {
        let args = parse_words(&["-separator", "-c", "-nullvalue", "", "--", "-odd.db"]).unwrap();
        assert_eq!(args.settings.separator.as_deref(), Some("-c"));
        assert_eq!(args.settings.null_value, "");
        assert_eq!(args.database, Some("-odd.db".into()));
    }

    #[test]
    fn mistakes_are_named() {
        let message = parse_words(&["-jsn"]).unwrap_err();
        assert!(message.contains("'-jsn'") && message.contains("'-json'"), "{message}");
        let message = parse_words(&["-c"]).unwrap_err();
        assert!(message.contains("'-c'") && message.contains("SQL"), "{message}");
    }

    #[test]
    fn help_lists_every_option() {
        let help = help();
        for flag in FLAGS {
            assert!(help.contains(&format!("  -{}", flag.name)), "{}", flag.name);
        }
    }
}
