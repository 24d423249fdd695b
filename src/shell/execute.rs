//! Runs one SQL statement and shows its result as it streams.

use std::io::Write;
use std::time::Instant;

use duckdb::arrow::array::{Array, AsArray};
use duckdb::{Connection, Statement};

use super::engine::message;
use super::output::{Output, print_note};
use super::render::{Context, Mode};
use super::settings::Settings;
use super::statement::{is_acknowledgement, is_explain, training};
use super::status::Status;
use super::value::{Column, Formatter, SqlType};
use super::{Failure, Shell, no_database};

/// An epoch's row is to be seen when the epoch ends, not once DuckDB's buffer is full. Only for
/// statements that do nothing but train: with so small a buffer, a UNION can wait forever.
const STREAM_ROWS: &str = "SET SESSION streaming_buffer_size = '1B'";
const BUFFER_ROWS: &str = "RESET SESSION streaming_buffer_size";

/// Runs a statement and writes its result.
pub(super) fn execute(shell: &mut Shell, sql: &str) -> Result<(), Failure> {
    let Shell { engine, settings, output, cancel, .. } = shell;
    let engine = engine.as_ref().ok_or_else(no_database)?;
    if settings.echo {
        writeln!(output, "{sql}")?;
    }
    let started = Instant::now();
    engine.reset();
    let running = cancel.begin(engine.interrupter());
    if cancel.requested() {
        return Err(Failure::Stop(super::Stop::Interrupted));
    }
    let mut status = Status::start(engine.progress());
    let stopped = || cancel.requested();
    let connection = engine.connection();
    let outcome = match training(sql) {
        Some(sql) => {
            connection.execute_batch(STREAM_ROWS).map_err(message)?;
            let outcome = show(connection, &sql, settings, output, &mut status, &stopped);
            // From here on Ctrl-C finds nothing to stop, or the small buffer would stay.
            drop(running);
            connection.execute_batch(BUFFER_ROWS).map_err(message)?;
            outcome
        }
        None => {
            let outcome = show(connection, sql, settings, output, &mut status, &stopped);
            drop(running);
            outcome
        }
    };
    drop(status);
    tell_note(outcome, engine.note())?;
    if settings.timer {
        writeln!(output, "Run Time (s): real {:.3}", started.elapsed().as_secs_f64())?;
    }
    Ok(())
}

/// Adds what a stopped statement left behind to its error; a statement that ended well, as with a
/// LIMIT, gets it beside its result.
fn tell_note(outcome: Result<(), Failure>, note: Option<String>) -> Result<(), Failure> {
    let Some(note) = note else { return outcome };
    match outcome {
        Err(Failure::Message(error)) if error.contains(&note) => Err(Failure::Message(error)),
        Err(Failure::Message(error)) => {
            Err(Failure::Message(format!("{}\n{note}", error.trim_end())))
        }
        Err(stop) => Err(stop),
        Ok(()) => {
            print_note(&note);
            Ok(())
        }
    }
}

fn show(
    connection: &Connection,
    sql: &str,
    settings: &Settings,
    output: &mut Output,
    status: &mut Status,
    stopped: &dyn Fn() -> bool,
) -> Result<(), Failure> {
    let mut statement = connection.prepare(sql).map_err(message)?;
    drop(statement.stream_arrow([]).map_err(message)?);
    let columns = columns(&statement);
    if let [column] = columns.as_slice()
        && is_acknowledgement(sql, &column.name)
    {
        while statement.step().map_err(message)?.is_some() {}
        return Ok(());
    }
    if settings.mode == Mode::Duckbox && is_explain(sql) && columns.len() == 2 {
        return show_plan(&statement, output, status);
    }
    let formatter = Formatter::new(connection);
    let (width, color) = (output.width(), output.color());
    let context = Context { formatter: &formatter, columns: &columns, settings, width, color };
    let mut renderer = settings.mode.renderer(context);
    let mut begun = false;
    while let Some(batch) = statement.step().map_err(message)? {
        // DuckDB no longer stops a result that it has whole; the printing of it is stopped here.
        if stopped() && settings.mode != Mode::Duckbox {
            return Err("INTERRUPT Error: Interrupted!".to_string().into());
        }
        if !begun {
            // A duckbox prints only at the end; all else shares the screen from here on.
            if settings.mode != Mode::Duckbox {
                status.stop();
            }
            renderer.begin(output)?;
            begun = true;
        }
        renderer.batch(batch, output)?;
        output.flush()?;
    }
    status.stop();
    if !begun {
        renderer.begin(output)?;
    }
    Ok(renderer.end(output)?)
}

/// All values of a query as text, row by row, without NULLs.
pub(super) fn values(shell: &mut Shell, sql: &str) -> Result<Vec<String>, Failure> {
    let Shell { engine, cancel, .. } = shell;
    let engine = engine.as_ref().ok_or_else(no_database)?;
    engine.reset();
    let _running = cancel.begin(engine.interrupter());
    let connection = engine.connection();
    let mut statement = connection.prepare(sql).map_err(message)?;
    drop(statement.stream_arrow([]).map_err(message)?);
    let (columns, formatter) = (columns(&statement), Formatter::new(connection));
    let mut values = Vec::new();
    while let Some(batch) = statement.step().map_err(message)? {
        for row in 0..batch.len() {
            let texts = columns.iter().zip(batch.columns());
            values.extend(texts.filter_map(|(c, array)| formatter.text(&c.sql_type, array, row)));
        }
    }
    Ok(values)
}

fn columns(statement: &Statement<'_>) -> Vec<Column> {
    let schema = statement.schema();
    let fields = schema.fields().iter().enumerate();
    fields
        .map(|(i, field)| Column {
            name: field.name().clone(),
            sql_type: SqlType::new(&statement.column_logical_type(i), field.data_type()),
        })
        .collect()
}

/// Prints the drawing that EXPLAIN returns as its second column.
fn show_plan(
    statement: &Statement<'_>,
    output: &mut Output,
    status: &mut Status,
) -> Result<(), Failure> {
    while let Some(batch) = statement.step().map_err(message)? {
        status.stop();
        let plans = batch.column(1).as_string::<i32>();
        for plan in (0..plans.len()).filter(|&row| plans.is_valid(row)) {
            writeln!(output, "{}", plans.value(plan).trim_end())?;
        }
    }
    Ok(())
}
