//! `.gexec`: runs every value of a query's result as a statement, as psql's `\\gexec` does.
//!
//! A grid of models and seeds is one SELECT. The result is taken whole before the first statement
//! runs; values come row by row, each row from left to right, and NULLs are passed over. The first
//! failure ends it, or, with `.gexec continue`, is printed and passed over. Since a training that is
//! done is found again, a grid that was stopped goes on where it was.

use super::output::{print_error, print_note};
use super::splitter::{GEXEC, Item, Splitter};
use super::{Failure, Shell, Stop, execute};

/// Longest piece of a statement that is shown before it runs, in characters.
const SHOWN_CHARS_MAX: usize = 200;

/// Runs the values of `sql`; `line` is the dot command with its arguments.
pub(super) fn run(shell: &mut Shell, sql: &str, line: &str) -> Result<(), Failure> {
    let goes_on = match line.trim_start_matches(GEXEC).trim().to_ascii_lowercase().as_str() {
        "" => false,
        "continue" => true,
        _ => return Err("usage: .gexec [continue]".to_string().into()),
    };
    let statements = execute::values(shell, sql)?;
    let count = statements.len();
    let mut failed = 0;
    for (at, statement) in statements.iter().enumerate() {
        if shell.cancel.requested() {
            return Err(Failure::Stop(Stop::Interrupted));
        }
        print_note(&format!("[{}/{count}] {}", at + 1, shown(statement)));
        match run_statement(shell, statement) {
            Err(Failure::Message(message)) if shell.cancel.requested() => {
                print_error(&message);
                return Err(Failure::Stop(Stop::Interrupted));
            }
            Err(Failure::Message(message)) if goes_on => {
                print_error(&message);
                failed += 1;
            }
            Err(Failure::Message(message)) => {
                return Err(format!(
                    "{}\n.gexec ended at statement {} of {count}; .gexec continue passes over \
                     what fails",
                    message.trim_end(),
                    at + 1
                )
                .into());
            }
            outcome => outcome?,
        }
    }
    if failed > 0 {
        print_note(&format!(".gexec: {failed} of {count} statements failed"));
    }
    Ok(())
}

/// Runs a value, which may be several statements.
fn run_statement(shell: &mut Shell, text: &str) -> Result<(), Failure> {
    let mut splitter = Splitter::default();
    splitter.push(text);
    while let Some(item) = splitter.next_item().or_else(|| splitter.finish()) {
        let Item::Sql(sql) = item else {
            return Err("a value is a dot command, but .gexec runs SQL alone".to_string().into());
        };
        execute::execute(shell, &sql)?;
        std::io::Write::flush(&mut shell.output)?;
    }
    Ok(())
}

/// The beginning of a statement, on one line.
fn shown(statement: &str) -> String {
    let line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
