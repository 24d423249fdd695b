//! `docs/functions.md`, written from the manual.

use segue::functions::{Category, Column, Entry, FunctionKind, Parameter};
use segue::train::{Kind, Param};

const INTRODUCTION: &str = "\
# Functions

<!-- `make docs` writes this page from the functions themselves: change their docs, not this. -->

Every function that Segue adds to DuckDB. `FROM segue_functions()` shows the same in SQL.

- A *table function* stands in `FROM` or after `CALL` and takes constants. What it requires is passed
  by position, everything else by name: `train_harm('plays', epochs := 5)`.
- A *table macro* stands in `FROM` and takes columns of tables to its left, too. A *macro* stands in
  expressions. Both take every parameter by position or by name: `recommend(42, 5)`,
  `recommend(42, n := 5)`. Any other *function* stands in expressions, too, and takes its parameters
  by position: DuckDB does not look at a name before a value.
- A **relation** is the name of a table or view, a query in parentheses, or a file, always as text:
  `'plays'`, `'(FROM plays WHERE played_at < DATE ''2024-01-01'')'`, `'plays.parquet'`.
- A default of – means that something else applies, which the description tells. Leave such an option
  out, or pass NULL to a macro.
- A column of type ANY has the type that ids have in your tables.

The examples run on the sample in `data/`: tables `plays`, `songs`, `users` and `chords`, with
`train_plays` and `test_plays` for the earlier and later plays, and models trained under the names
`harm` and `coat`.
";

const SETTINGS: &str = "\
## Settings

`SET name = value` changes a setting for the connection, `RESET name` takes that back, and
`FROM duckdb_settings()` shows all of them.
";

/// The heading of what is the same for all trainings.
const COMMON: &str = "Options of every training";

/// The whole page: a chapter for each category, and one for the settings, if there are any.
pub fn page(manual: &[Entry], settings: &[Param]) -> String {
    let mut page = vec![INTRODUCTION.to_owned(), contents(manual, settings)];
    for category in Category::ALL {
        let entries: Vec<&Entry> = of(manual, category).collect();
        page.push(format!("## {}\n", title(category)));
        if category == Category::Train {
            // Beside the trainings there is what stops them.
            let trainings: Vec<&Entry> =
                entries.iter().copied().filter(|entry| entry.name.starts_with("train_")).collect();
            let shared = shared(&trainings);
            page.push(shared.section());
            page.extend(entries.iter().map(|entry| section(entry, &shared)));
        } else {
            let nothing = Shared::default();
            page.extend(entries.iter().map(|entry| section(entry, &nothing)));
        }
    }
    if !settings.is_empty() {
        let settings = settings.iter();
        let settings = settings.map(|&param| Parameter { param, position: None, by_name: false });
        let table = parameter_table(&settings.collect::<Vec<_>>());
        page.push(format!("{SETTINGS}\n{table}"));
    }
    page.join("\n")
}

fn of(manual: &[Entry], category: Category) -> impl Iterator<Item = &Entry> {
    manual.iter().filter(move |entry| entry.docs.category == category)
}

fn title(category: Category) -> &'static str {
    match category {
        Category::Data => "Data",
        Category::Split => "Splitting",
        Category::Train => "Training",
        Category::Recommend => "Recommending",
        Category::Understand => "Understanding",
        Category::Evaluate => "Evaluating",
        Category::Chords => "Chords",
        Category::Audio => "Audio",
        Category::Models => "Stored models",
        Category::Help => "Help",
    }
}

fn contents(manual: &[Entry], settings: &[Param]) -> String {
    let mut lines = Category::ALL
        .map(|category| {
            let title = title(category);
            let links: Vec<String> =
                of(manual, category).map(|entry| format!("[`{0}`](#{0})", entry.name)).collect();
            format!("- [{title}](#{}): {}\n", anchor(title), links.join(", "))
        })
        .to_vec();
    if !settings.is_empty() {
        let names: Vec<String> = settings.iter().map(|param| format!("`{}`", param.name)).collect();
        lines.push(format!("- [Settings](#settings): {}\n", names.join(", ")));
    }
    lines.concat()
}

/// Where a heading is linked to.
fn anchor(heading: &str) -> String {
    heading.to_lowercase().replace(' ', "-")
}

/// What all functions of a chapter take and return, said once.
#[derive(Default)]
struct Shared {
    parameters: Vec<Parameter>,
    columns: Vec<Column>,
}

fn shared(entries: &[&Entry]) -> Shared {
    let Some((first, others)) = entries.split_first() else { return Shared::default() };
    let parameters = first.parameters.iter().copied();
    let columns = first.columns.iter().cloned();
    Shared {
        parameters: parameters
            .filter(|shared| others.iter().all(|entry| has(&entry.parameters, shared)))
            .collect(),
        columns: columns
            .filter(|shared| others.iter().all(|entry| entry.columns.contains(shared)))
            .collect(),
    }
}

/// Whether a parameter is among others, as far as the page says.
fn has(parameters: &[Parameter], wanted: &Parameter) -> bool {
    parameters.iter().any(|parameter| parameter_row(parameter) == parameter_row(wanted))
}

impl Shared {
    fn section(&self) -> String {
        let Self { parameters, columns } = self;
        format!(
            "### {COMMON}\n\n{}\nEvery training returns a row for each epoch:\n\n{}",
            parameter_table(parameters),
            column_table(columns)
        )
    }
}

fn section(entry: &Entry, shared: &Shared) -> String {
    let kind = match entry.kind {
        FunctionKind::Table => "Table function",
        FunctionKind::TableMacro => "Table macro",
        FunctionKind::Macro => "Macro",
        FunctionKind::Scalar => "Function",
    };
    let mut parts = vec![
        format!("### `{}`\n", entry.name),
        format!("*{kind}.* {}\n", entry.docs.description),
        format!("```sql\n{};\n```\n", entry.docs.example),
    ];
    let parameters: Vec<Parameter> =
        entry.parameters.iter().filter(|own| !has(&shared.parameters, own)).copied().collect();
    if !shared.parameters.is_empty() {
        let own = if parameters.is_empty() { "It takes" } else { "Beside what is below, it takes" };
        let common = COMMON.to_lowercase();
        parts.push(format!("{own} the [{common}](#{}).\n", anchor(COMMON)));
    }
    if !parameters.is_empty() {
        parts.push(parameter_table(&parameters));
    }
    let columns: Vec<Column> =
        entry.columns.iter().filter(|own| !shared.columns.contains(own)).cloned().collect();
    if !columns.is_empty() {
        parts.push(column_table(&columns));
    }
    parts.join("\n")
}

fn parameter_table(parameters: &[Parameter]) -> String {
    let rows = parameters.iter().map(parameter_row);
    let head = line(&["parameter", "takes", "default", "meaning"]);
    [head, "|---|---|---|---|\n".to_owned()].into_iter().chain(rows).collect()
}

fn parameter_row(parameter: &Parameter) -> String {
    let default = match parameter.default_value() {
        Some(value) => format!("`{value}`"),
        None if parameter.is_required() => "required".to_owned(),
        None => "–".to_owned(),
    };
    let place = if parameter.is_packed() { "options." } else { "" };
    let name = format!("`{place}{}`", parameter.param.name);
    line(&[&name, &takes(parameter), &default, parameter.param.doc])
}

/// What values a parameter takes; the introduction says what a relation is.
fn takes(parameter: &Parameter) -> String {
    match parameter.param.kind {
        Kind::Relation => "a relation".to_owned(),
        _ => parameter.allowed(),
    }
}

fn column_table(columns: &[Column]) -> String {
    let rows = columns.iter().map(|column| {
        line(&[&format!("`{}`", column.name), &column.sql_type.to_string(), column.doc])
    });
    let head = line(&["column", "type", "meaning"]);
    [head, "|---|---|---|\n".to_owned()].into_iter().chain(rows).collect()
}

/// A row of a table; a bar within a cell would end it.
fn line(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}
