//! Dot commands: one table of them all, and how a line finds its command.
//!
//! A new command is a line in [`COMMANDS`] and a function in `handlers`.

mod handlers;

use super::{Failure, Shell};
use crate::suggest::closest;

/// A dot command.
struct Command {
    name: &'static str,
    /// Its arguments, as the help shows them.
    usage: &'static str,
    help: &'static str,
    /// The least and greatest number of arguments.
    arguments: (usize, usize),
    run: fn(&mut Shell, &[String]) -> Result<(), Failure>,
}

const fn command(
    name: &'static str,
    usage: &'static str,
    help: &'static str,
    arguments: (usize, usize),
    run: fn(&mut Shell, &[String]) -> Result<(), Failure>,
) -> Command {
    Command { name, usage, help, arguments, run }
}

static COMMANDS: [Command; 21] = [
    command("bail", "on|off", "stop a script at its first error", (1, 1), handlers::bail),
    command("databases", "", "list the open databases", (0, 0), handlers::databases),
    command("echo", "on|off", "print statements before they run", (1, 1), handlers::echo),
    command("exit", "[STATUS]", "leave", (0, 1), handlers::quit),
    command("gexec", "[continue]", "run a query's values as statements", (0, 1), handlers::gexec),
    command("headers", "on|off", "write the names of columns", (1, 1), handlers::headers),
    command("help", "[COMMAND]", "explain dot commands", (0, 1), handlers::help),
    command("maxrows", "N", "rows that a duckbox shows; 0 for all", (1, 1), handlers::max_rows),
    command("maxwidth", "N", "width of a duckbox; 0 for the screen's", (1, 1), handlers::max_width),
    command("mode", "[MODE]", "how results are written", (0, 1), handlers::mode),
    command("nullvalue", "TEXT", "the text for NULL", (1, 1), handlers::null_value),
    command("open", "[-readonly] [FILE]", "open another database", (0, 2), handlers::open),
    command("output", "[FILE]", "send results to a file, or back here", (0, 1), handlers::output),
    command("print", "[TEXT]...", "print a line", (0, usize::MAX), handlers::print),
    command("quit", "[STATUS]", "leave", (0, 1), handlers::quit),
    command("read", "FILE", "run a file", (1, 1), handlers::read),
    command(
        "schema",
        "[TABLE]",
        "show the statements that create tables",
        (0, 1),
        handlers::schema,
    ),
    command(
        "separator",
        "SEP",
        "what separates values in csv and list",
        (1, 1),
        handlers::separator,
    ),
    command("show", "", "show the settings", (0, 0), handlers::show),
    command(
        "tables",
        "[PATTERN]",
        "list tables and views, LIKE a pattern",
        (0, 1),
        handlers::tables,
    ),
    command("timer", "on|off", "print the time of each statement", (1, 1), handlers::timer),
];

/// Runs a line that begins with a dot.
pub(super) fn run(shell: &mut Shell, line: &str) -> Result<(), Failure> {
    let words = words(line)?;
    let Some((name, arguments)) = words.split_first() else { return Ok(()) };
    let command = find(name.trim_start_matches('.'))?;
    let (least, most) = command.arguments;
    if !(least..=most).contains(&arguments.len()) {
        return Err(format!("usage: .{} {}", command.name, command.usage).into());
    }
    (command.run)(shell, arguments)
}

/// The command of this name, or the only one that begins with it.
fn find(name: &str) -> Result<&'static Command, String> {
    if let Some(command) = COMMANDS.iter().find(|command| command.name == name) {
        return Ok(command);
    }
    let matching: Vec<&Command> = COMMANDS
        .iter()
        .filter(|command| !name.is_empty() && command.name.starts_with(name))
        .collect();
    match matching.as_slice() {
        [command] => Ok(command),
        [] => {
            let hint = closest(name, COMMANDS.iter().map(|command| command.name))
                .map_or(String::new(), |name| format!(" Did you mean '.{name}'?"));
            Err(format!("unknown command '.{name}'.{hint} '.help' lists all commands"))
        }
        several => {
            let names: Vec<String> =
                several.iter().map(|command| format!(".{}", command.name)).collect();
            Err(format!("'.{name}' could be {}; type more of it", names.join(" or ")))
        }
    }
}

/// The words of a line; those in single or double quotes may contain spaces.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next() {
        let word;
        if matches!(first, '\'' | '"') {
            let Some((quoted, after)) = rest[1..].split_once(first) else {
                return Err(format!("the quote {first} is not closed in: {line}"));
            };
            (word, rest) = (quoted, after);
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            (word, rest) = rest.split_at(end);
        }
        words.push(word.to_string());
        rest = rest.trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_that_fit_one_command_are_enough() {
        assert_eq!(find("tab").unwrap().name, "tables");
        assert_eq!(find("header").unwrap().name, "headers");
        let message = find("max").err().unwrap();
        assert!(message.contains(".maxrows or .maxwidth"), "{message}");
        let message = find("tabels").err().unwrap();
        assert!(message.contains("'.tables'"), "{message}");
        assert!(find("").is_err());
    }

    #[test]
    fn words_may_be_quoted() {
        assert_eq!(
            words(".open 'my file.db'  \"x\" y").unwrap(),
            [".open", "my file.db", "x", "y"]
        );
        assert_eq!(words(".nullvalue ''").unwrap(), [".nullvalue", ""]);
        assert!(words(".open 'x").unwrap_err().contains("not closed"));
    }

    #[test]
    fn the_table_is_sorted_and_says_what_each_command_does() {
        assert!(COMMANDS.is_sorted_by_key(|command| command.name));
        for command in &COMMANDS {
            assert!(!command.help.is_empty() && command.arguments.0 <= command.arguments.1);
        }
    }
}
