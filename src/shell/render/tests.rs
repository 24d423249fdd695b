//! Whole results in each mode.

use duckdb::Connection;

use super::*;
use crate::shell::value::SqlType;

/// The result of a query in a mode; `width` is the screen's.
fn render(sql: &str, settings: &Settings, width: Option<usize>, color: bool) -> String {
    let connection = Connection::open_in_memory().unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    drop(statement.stream_arrow([]).unwrap());
    let schema = statement.schema();
    let columns: Vec<Column> = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(i, field)| Column {
            name: field.name().clone(),
            sql_type: SqlType::new(&statement.column_logical_type(i), field.data_type()),
        })
        .collect();
    let formatter = Formatter::new(&connection);
    let context = Context { formatter: &formatter, columns: &columns, settings, width, color };
    let mut renderer = settings.mode.renderer(context);
    let mut out = Vec::new();
    renderer.begin(&mut out).unwrap();
    while let Some(batch) = statement.step().unwrap() {
        renderer.batch(batch, &mut out).unwrap();
    }
    renderer.end(&mut out).unwrap();
    drop(renderer);
    String::from_utf8(out).unwrap()
}

fn in_mode(mode: Mode, sql: &str) -> String {
    render(sql, &Settings { mode, ..Settings::default() }, None, false)
}

#[test]
fn a_duckbox_has_types_and_aligned_values() {
    let sql = "SELECT 42 AS a, 'é日' || chr(10) AS b, NULL AS c UNION ALL SELECT 7, 'x', 1";
    assert_eq!(
        in_mode(Mode::Duckbox, sql),
        "\
┌───────┬─────────┬───────┐
│   a   │    b    │   c   │
│ int32 │ varchar │ int32 │
├───────┼─────────┼───────┤
│    42 │ é日\\n   │  NULL │
│     7 │ x       │     1 │
└───────┴─────────┴───────┘
"
    );
}

#[test]
fn long_results_are_cut_in_the_middle() {
    for rows in [41, 100, 2_048, 2_050, 5_000, 100_000] {
        let text =
            in_mode(Mode::Duckbox, &format!("SELECT range AS i, 'x' AS s FROM range({rows})"));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4 + 40 + 3 + 2, "{text}");
        assert!(lines[4 + 19].contains(" 19 │") && lines[4 + 20].contains('·'), "{text}");
        assert!(lines[4 + 23].contains(&format!(" {} │", rows - 20)), "{text}");
        assert!(lines[4 + 42].contains(&format!(" {} │", rows - 1)), "{text}");
        assert!(lines[48].starts_with(&format!("  {rows} rows (40 shown)  ")), "{text}");
        assert!(lines[48].ends_with("2 columns"), "{text}");
    }
}

#[test]
fn max_rows_is_obeyed() {
    for (max_rows, shown) in [(0, 100), (1, 1), (5, 5), (99, 99), (100, 100)] {
        let settings = Settings { max_rows, ..Settings::default() };
        let text = render("FROM range(100)", &settings, None, false);
        let rows = text.lines().skip(4).filter(|line| line.chars().any(|c| c.is_ascii_digit()));
        let rows = rows.filter(|line| line.starts_with('│')).count();
        assert_eq!(rows, shown, "{text}");
    }
}

#[test]
fn a_duckbox_fits_the_screen() {
    let many: Vec<String> = (0..30).map(|i| format!("'value number {i}' AS column_{i}")).collect();
    let sql = format!("SELECT {}", many.join(", "));
    for width in [20, 40, 80, 200] {
        let text = render(&sql, &Settings::default(), Some(width), false);
        assert!(text.lines().all(|line| layout::width(line) <= width), "{width}\n{text}");
        assert!(text.contains("…") && text.contains("30 columns ("), "{text}");
    }
    let settings = Settings { max_width: 30, ..Settings::default() };
    let text = render("SELECT repeat('x', 100) AS x, 1 AS y", &settings, None, false);
    assert!(text.lines().all(|line| layout::width(line) <= 30) && text.contains("x…"), "{text}");
}

#[test]
fn nulls_stand_out_on_a_screen() {
    let text = render("SELECT NULL AS a, 'NULL' AS b", &Settings::default(), Some(80), true);
    assert!(text.contains("\x1b[90m NULL\x1b[0m") && text.contains("│ NULL    │"), "{text}");
}

#[test]
fn empty_results_have_a_header_and_a_footer() {
    let text = in_mode(Mode::Duckbox, "SELECT 1 AS a WHERE false");
    assert_eq!(text, "┌───────┐\n│   a   │\n│ int32 │\n└───────┘\n  0 rows\n");
    assert_eq!(in_mode(Mode::Csv, "SELECT 1 AS a WHERE false"), "a\n");
    assert_eq!(in_mode(Mode::Json, "SELECT 1 AS a WHERE false"), "[]\n");
    assert_eq!(in_mode(Mode::Line, "SELECT 1 AS a WHERE false"), "");
    assert_eq!(in_mode(Mode::Markdown, "SELECT 1 AS a WHERE false"), "| a |\n|--:|\n");
    assert_eq!(in_mode(Mode::Box, "SELECT 1 AS a WHERE false"), "┌───┐\n│ a │\n├───┤\n└───┘\n");
}

#[test]
fn csv_quotes_what_needs_it() {
    let sql = "SELECT 1 AS a, NULL AS \"b,c\", 'x,\"y' AS d, '' AS e, 'l' || chr(10) || 'm' AS f";
    assert_eq!(in_mode(Mode::Csv, sql), "a,\"b,c\",d,e,f\n1,NULL,\"x,\"\"y\",,\"l\nm\"\n");
    assert_eq!(in_mode(Mode::List, sql), "a|b,c|d|e|f\n1|NULL|x,\"y||l\nm\n");
    let settings = Settings {
        mode: Mode::Csv,
        headers: false,
        separator: Some(";".into()),
        null_value: "-".into(),
        ..Settings::default()
    };
    assert_eq!(render(sql, &settings, None, false), "1;-;\"x,\"\"y\";;\"l\nm\"\n");
}

#[test]
fn json_has_an_object_per_row() {
    let sql = "SELECT range AS \"a\"\"b\", [NULL, 'x'] AS l FROM range(2)";
    let expected = "[{\"a\\\"b\":0,\"l\":[null,\"x\"]},\n{\"a\\\"b\":1,\"l\":[null,\"x\"]}]\n";
    assert_eq!(in_mode(Mode::Json, sql), expected);
    serde_json::from_str::<serde_json::Value>(expected).unwrap();
    let expected = "{\"a\\\"b\":0,\"l\":[null,\"x\"]}\n{\"a\\\"b\":1,\"l\":[null,\"x\"]}\n";
    assert_eq!(in_mode(Mode::JsonLines, sql), expected);
}

#[test]
fn tables_align_and_escape() {
    let sql = "SELECT 1 AS n, 'a|b' || chr(10) AS s UNION ALL SELECT 1000, NULL";
    assert_eq!(
        in_mode(Mode::Markdown, sql),
        "| n    | s      |\n|-----:|--------|\n|    1 | a\\|b\\n |\n| 1000 | NULL   |\n"
    );
    assert_eq!(
        in_mode(Mode::Table, "SELECT 1 AS n, 'a' AS long"),
        "+---+------+\n| n | long |\n+---+------+\n| 1 | a    |\n+---+------+\n"
    );
    assert_eq!(
        in_mode(Mode::Line, sql),
        "    n = 1\n    s = a|b\n\n\n    n = 1000\n    s = NULL\n"
    );
}

#[test]
fn every_row_is_printed_however_many_there_are() {
    for mode in [Mode::Box, Mode::Table, Mode::Markdown, Mode::Csv, Mode::List, Mode::JsonLines] {
        let text = in_mode(mode, "SELECT 'row' AS x FROM range(5000)");
        assert_eq!(text.matches("row").count(), 5_000, "{mode:?}");
    }
}
