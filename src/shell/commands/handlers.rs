//! What each dot command does.

use std::io::Write;
use std::path::PathBuf;

use super::COMMANDS;
use crate::shell::engine::message;
use crate::shell::settings::{switch, unescape};
use crate::shell::{Failure, Shell, Stop};

type Outcome = Result<(), Failure>;

pub(super) fn bail(shell: &mut Shell, words: &[String]) -> Outcome {
    shell.settings.bail = switch(&words[0])?;
    Ok(())
}

pub(super) fn databases(shell: &mut Shell, _words: &[String]) -> Outcome {
    let sql = "SELECT database_name || ': ' || coalesce(path, 'in memory')
            || if(readonly, ' (read-only)', '')
        FROM duckdb_databases() WHERE NOT internal ORDER BY database_name";
    print_all(shell, sql, &[])
}

pub(super) fn echo(shell: &mut Shell, words: &[String]) -> Outcome {
    shell.settings.echo = switch(&words[0])?;
    Ok(())
}

/// Only reached without a query before it: with one the splitter makes it an item of its own.
pub(super) fn gexec(_shell: &mut Shell, _words: &[String]) -> Outcome {
    Err("there is no query to run: write .gexec on a line of its own after a query, in place of \
         its semicolon"
        .to_string()
        .into())
}

pub(super) fn headers(shell: &mut Shell, words: &[String]) -> Outcome {
    shell.settings.headers = switch(&words[0])?;
    Ok(())
}

pub(super) fn help(shell: &mut Shell, words: &[String]) -> Outcome {
    let wanted = words.first().map(|word| word.trim_start_matches('.'));
    let mut found = false;
    for command in &COMMANDS {
        if wanted.is_none_or(|wanted| command.name.starts_with(wanted)) {
            found = true;
            let usage = format!(".{} {}", command.name, command.usage);
            writeln!(shell.output, "{usage:<26} {}", command.help)?;
        }
    }
    match wanted {
        None => {
            writeln!(shell.output, "\nA statement ends with a semicolon; Ctrl-C stops it.")?;
            Ok(writeln!(shell.output, "FROM segue_functions() explains Segue's functions.")?)
        }
        Some(wanted) if !found => super::find(wanted).map(|_| ()).map_err(Failure::Message),
        Some(_) => Ok(()),
    }
}

pub(super) fn max_rows(shell: &mut Shell, words: &[String]) -> Outcome {
    shell.settings.max_rows = number(&words[0])?;
    Ok(())
}

pub(super) fn max_width(shell: &mut Shell, words: &[String]) -> Outcome {
    shell.settings.max_width = number(&words[0])?;
    Ok(())
}

pub(super) fn mode(shell: &mut Shell, words: &[String]) -> Outcome {
    match words.first() {
        Some(name) => Ok(shell.settings.set_mode(name)?),
        None => Ok(writeln!(shell.output, "{}", shell.settings.mode.name())?),
    }
}

pub(super) fn null_value(shell: &mut Shell, words: &[String]) -> Outcome {
    shell.settings.null_value.clone_from(&words[0]);
    Ok(())
}

pub(super) fn open(shell: &mut Shell, words: &[String]) -> Outcome {
    let read_only = |word: &String| word == "-readonly" || word == "--readonly";
    let files: Vec<&String> = words.iter().filter(|word| !read_only(word)).collect();
    if files.len() > 1 {
        return Err("usage: .open [-readonly] [FILE]".to_string().into());
    }
    let path = files.first().filter(|path| path.as_str() != ":memory:").map(PathBuf::from);
    shell.open(path, words.iter().any(read_only))
}

pub(super) fn output(shell: &mut Shell, words: &[String]) -> Outcome {
    let path = words.first().map(String::as_str);
    shell.output.redirect(path).map_err(|error| {
        let path = path.unwrap_or("the output");
        Failure::Message(format!("IO Error: \"{path}\" cannot be written: {error}"))
    })
}

pub(super) fn print(shell: &mut Shell, words: &[String]) -> Outcome {
    Ok(writeln!(shell.output, "{}", words.join(" "))?)
}

pub(super) fn quit(_shell: &mut Shell, words: &[String]) -> Outcome {
    let status = words.first().map_or(Ok(0), |word| {
        word.parse::<u8>().map_err(|_| format!("'{word}' is no exit status from 0 to 255"))
    })?;
    Err(Failure::Stop(Stop::Exit(status)))
}

pub(super) fn read(shell: &mut Shell, words: &[String]) -> Outcome {
    let bail = shell.settings.bail;
    let succeeded = shell.run_file(words[0].as_ref(), bail)?;
    if succeeded { Ok(()) } else { Err(format!("file \"{}\" had errors", words[0]).into()) }
}

pub(super) fn schema(shell: &mut Shell, words: &[String]) -> Outcome {
    let pattern = words.first().map_or("%", String::as_str);
    let sql = "SELECT sql FROM (
            SELECT schema_name, table_name AS name, sql FROM duckdb_tables() WHERE NOT internal
            UNION ALL
            SELECT schema_name, view_name, sql FROM duckdb_views() WHERE NOT internal)
        WHERE name LIKE $1 OR schema_name || '.' || name LIKE $1 ORDER BY schema_name, name";
    print_all(shell, sql, &[pattern])
}

pub(super) fn separator(shell: &mut Shell, words: &[String]) -> Outcome {
    shell.settings.separator = Some(unescape(&words[0]));
    Ok(())
}

pub(super) fn show(shell: &mut Shell, _words: &[String]) -> Outcome {
    let on = |value| if value { "on" } else { "off" }.to_string();
    let settings = &shell.settings;
    let database =
        shell.database.as_ref().map_or("in memory".into(), |path| path.display().to_string());
    let lines = [
        ("database", database),
        ("mode", settings.mode.name().to_string()),
        ("headers", on(settings.headers)),
        ("nullvalue", format!("{:?}", settings.null_value)),
        (
            "separator",
            settings.separator.as_ref().map_or("the mode's".into(), |s| format!("{s:?}")),
        ),
        ("maxrows", settings.max_rows.to_string()),
        ("maxwidth", settings.max_width.to_string()),
        ("timer", on(settings.timer)),
        ("echo", on(settings.echo)),
        ("bail", on(settings.bail)),
    ];
    for (name, value) in lines {
        writeln!(shell.output, "{name:>9}: {value}")?;
    }
    Ok(())
}

pub(super) fn tables(shell: &mut Shell, words: &[String]) -> Outcome {
    let pattern = words.first().map_or("%", String::as_str);
    let sql = "SELECT if(database_name = current_database(), '', database_name || '.')
            || if(schema_name = current_schema(), '', schema_name || '.') || name
        FROM (
            SELECT database_name, schema_name, table_name AS name FROM duckdb_tables()
            WHERE NOT internal
            UNION ALL
            SELECT database_name, schema_name, view_name FROM duckdb_views() WHERE NOT internal)
        WHERE name LIKE $1 ORDER BY database_name, schema_name, name";
    print_all(shell, sql, &[pattern])
}

pub(super) fn timer(shell: &mut Shell, words: &[String]) -> Outcome {
    shell.settings.timer = switch(&words[0])?;
    Ok(())
}

fn number(word: &str) -> Result<usize, String> {
    word.parse().map_err(|_| format!("'{word}' is no whole number; 0 means no limit"))
}

/// Prints the one text column of a query, a line per row.
fn print_all(shell: &mut Shell, sql: &str, parameters: &[&str]) -> Outcome {
    let lines: Vec<String> = {
        let mut statement = shell.connection()?.prepare(sql).map_err(message)?;
        let rows = statement
            .query_map(duckdb::params_from_iter(parameters), |row| row.get(0))
            .map_err(message)?;
        rows.collect::<duckdb::Result<_>>().map_err(message)?
    };
    for line in lines {
        writeln!(shell.output, "{line}")?;
    }
    Ok(())
}
