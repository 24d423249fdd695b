//! What the shell needs to know of a statement before it shows its result.
//!
//! DuckDB gives every statement a result: a row count for INSERT or COPY, an empty column
//! `Success` for SET. Its CLI shows neither, so neither does Segue; which one it is can only be
//! told from the text, because a query may name a column `Count` too.

use super::splitter::{Class, Lexer, is_word};

/// Statements that begin with one of these are asked for their rows.
const QUERIES: [&str; 10] = [
    "select",
    "from",
    "values",
    "table",
    "pivot",
    "unpivot",
    "show",
    "describe",
    "summarize",
    "explain",
];

/// Words that make a statement one that changes rows, after WITH.
const CHANGES: [&str; 4] = ["insert", "update", "delete", "merge"];

/// Whether a result of the one column `column` is only DuckDB's note that the statement was done.
pub fn is_acknowledgement(sql: &str, column: &str) -> bool {
    if column != "Count" && column != "Success" {
        return false;
    }
    let words = words(sql);
    let first = words.first().map_or("", String::as_str);
    if words.iter().any(|word| word == "returning") || QUERIES.contains(&first) {
        return false;
    }
    match first {
        // A statement in parentheses has no word outside them.
        "" => false,
        "with" => words.iter().any(|word| CHANGES.contains(&word.as_str())),
        "call" | "pragma" => column == "Success",
        _ => true,
    }
}

/// Whether the statement asks for a plan, which is a drawing and no table.
pub fn is_explain(sql: &str) -> bool {
    words(sql).first().is_some_and(|word| word == "explain")
}

/// A statement that does nothing but train, in a form whose rows can stream: `FROM train_…(…)`,
/// also for `CALL train_…(…)`, which DuckDB would run to its end first.
pub fn training(sql: &str) -> Option<String> {
    let text = sql.trim_start();
    let (first, rest) = text.split_at_checked(4)?;
    let call = first.eq_ignore_ascii_case("call") || first.eq_ignore_ascii_case("from");
    // Without arguments it is a table of such a name.
    let (name, _) = rest.trim_start().split_once('(')?;
    let plain = call
        && rest.starts_with(|c: char| c.is_ascii_whitespace())
        && trains(&name.to_ascii_lowercase())
        && words(text).len() == 2;
    plain.then(|| format!("FROM{rest}"))
}

/// Whether a function trains and gives its rows as they come.
fn trains(name: &str) -> bool {
    name.starts_with("train_") || ["tune", "cross_validate"].contains(&name.trim_end())
}

/// The unquoted words outside parentheses, in lower case.
fn words(sql: &str) -> Vec<String> {
    let bytes = sql.as_bytes();
    let (mut lexer, mut at, mut depth) = (Lexer::default(), 0, 0_usize);
    let (mut words, mut word) = (Vec::new(), Vec::new());
    while at < bytes.len() {
        let (next, class) = lexer.step(bytes, at);
        let plain = class == Class::Plain;
        if plain && is_word(bytes[at]) {
            word.push(bytes[at].to_ascii_lowercase());
        } else {
            finish_word(&mut word, depth, &mut words);
            match bytes[at] {
                b'(' if plain => depth += 1,
                b')' if plain => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        at = next;
    }
    finish_word(&mut word, depth, &mut words);
    words
}

fn finish_word(word: &mut Vec<u8>, depth: usize, words: &mut Vec<String>) {
    let bytes = std::mem::take(word);
    if !bytes.is_empty() && depth == 0 {
        words.push(String::from_utf8_lossy(&bytes).into_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trainings_are_told_from_queries_over_them() {
        let sql = training("call train_harm('plays', model := 'a;b')").unwrap();
        assert_eq!(sql, "FROM train_harm('plays', model := 'a;b')");
        assert!(training(" FROM  train_bpr(plays)").is_some());
        assert!(training("FROM Tune('plays', train := 'harm', space := {n: [1]})").is_some());
        for other in [
            "FROM train_harm('p') WHERE epoch = 1",
            "FROM train_plays",
            "FROM train_plays, range(3)",
            "FROM trains",
            "CALL models()",
            "é",
        ] {
            assert_eq!(training(other), None, "{other}");
        }
    }

    #[test]
    fn counts_of_changes_are_notes_and_columns_of_queries_are_not() {
        for sql in [
            "INSERT INTO t VALUES (1)",
            "/* x */ -- y\ncopy t to 'returning'",
            "WITH a AS (SELECT 1) INSERT INTO t FROM a",
            "create table t as select 1",
        ] {
            assert!(is_acknowledgement(sql, "Count"), "{sql}");
        }
        for sql in [
            "SELECT count(*) AS \"Count\" FROM t",
            "FROM t",
            "WITH a AS (DELETE FROM t) SELECT count(*) AS \"Count\" FROM a",
            "INSERT INTO t VALUES (1) RETURNING i AS \"Count\"",
            "(SELECT 1 AS \"Count\")",
        ] {
            assert!(!is_acknowledgement(sql, "Count"), "{sql}");
        }
        assert!(is_acknowledgement("SET threads = 1", "Success"));
        assert!(!is_acknowledgement("SET threads = 1", "other"));
    }

    #[test]
    fn explain_is_told_by_its_first_word() {
        assert!(is_explain("-- plan\nEXPLAIN ANALYZE SELECT 1"));
        assert!(!is_explain("SELECT 'explain'"));
    }
}
