//! Properties of users and songs: those a model was trained with, or those of relations.

use std::sync::Arc;

use duckdb::Connection;

use super::measured::asks_for_fields;
use crate::control::Control;
use crate::data::{Dataset, Field};
use crate::error::{Error, Result};
use crate::eval;
use crate::functions::training::column_names;
use crate::store::{self, DatasetRequest, Relation, Role};
use crate::threads::Threads;
use crate::train::{Default, Kind, Options, Param};

/// Options about properties.
pub(super) const PROPERTIES: &[Param] = &[
    Param::new(
        "by",
        Kind::Text,
        Default::Absent,
        "A property to report for each value or range: an attribute of users, a field of songs, \
         history_length (songs the model was told), popularity (plays of the right answer in \
         training) or position (in the session).",
    ),
    Param::new(
        "buckets",
        Kind::Int { min: 2, max: 100_000 },
        Default::Absent,
        "Numbers with more distinct values than this are cut into this many quantile ranges, 5 \
         without it. Those that the model was trained with were cut then.",
    ),
    Param::new(
        "users",
        Kind::Relation,
        Default::Absent,
        "What users are, for by; without it what the model was trained with.",
    ),
    Param::new(
        "songs",
        Kind::Relation,
        Default::Absent,
        "What songs are, for by, diversity and repetition; without it what the model was trained \
         with.",
    ),
    Param::new(
        "fields",
        Kind::TextList,
        Default::Absent,
        "The fields of songs that diversity and repetition are measured in; without it all.",
    ),
];

/// Properties of cases that are no column.
const OWN: [(&str, eval::By<'static>); 3] = [
    ("history_length", eval::By::HistoryLength),
    ("popularity", eval::By::Popularity),
    ("position", eval::By::Position),
];

/// What the option `by` names.
enum By {
    Own(eval::By<'static>),
    User(String),
    Song(String),
}

/// The properties that a call asks for.
pub(super) struct Properties {
    by: Option<(By, Arc<Dataset>)>,
    /// The fields that lists are measured in, of the model's songs.
    pub song_fields: Vec<Field>,
}

impl Properties {
    /// Finds out whether the properties exist; reads no rows.
    ///
    /// # Errors
    /// A column is missing, ambiguous or of a wrong type.
    pub(super) fn check(
        conn: &Connection,
        function: &str,
        options: &Options,
        model: &Dataset,
    ) -> Result<()> {
        let by = find(conn, function, options, model)?;
        let of_songs = matches!(by, Some(By::Song(_) | By::Own(eval::By::Popularity)));
        if of_songs && matches!(options.text("targets"), Some("remaining" | "all")) {
            let message = "is a property of songs, and under targets := 'remaining' or 'all' a \
                           case has several right answers; use 'every' or 'last'";
            return Err(Error::option(function, "by", message));
        }
        let of_model = matches!(by, Some(By::User(_))) && !options.has("users")
            || matches!(by, Some(By::Song(_))) && !options.has("songs");
        if of_model && options.has("buckets") {
            let message = "cuts no property that the model was trained with, for that was cut then; \
                           give users := '…' or songs := '…', from which it is read anew";
            return Err(Error::option(function, "buckets", message));
        }
        let by = by.and_then(|by| by_request(function, options, &by));
        for request in by.into_iter().chain(fields_request(function, options)) {
            store::check(conn, &request)?;
        }
        if options.has("songs") { Ok(()) } else { chosen(function, options, model).map(drop) }
    }

    /// Reads the relations, if there are any.
    ///
    /// # Errors
    /// As [`Properties::check`]; a relation cannot be read; the analyst stopped the statement.
    pub(super) fn read(
        conn: &Connection,
        function: &str,
        options: &Options,
        model: &Arc<Dataset>,
        threads: &Threads,
        control: &Control,
    ) -> Result<Self> {
        let read = |request: DatasetRequest| {
            let raw = store::read_dataset(conn, &request, control)?;
            threads.run(|| raw.finish(control))
        };
        let by = match find(conn, function, options, model)? {
            Some(by) => {
                let data = match by_request(function, options, &by) {
                    Some(request) => Arc::new(read(request)?),
                    None => model.clone(),
                };
                Some((by, data))
            }
            None => None,
        };
        let song_fields = match fields_request(function, options) {
            Some(request) => {
                let songs = read(request)?;
                let index = model.songs.indices_in(&songs.songs);
                songs.song_fields.iter().map(|field| field.reindexed(&index)).collect()
            }
            None => chosen(function, options, model)?,
        };
        Ok(Self { by, song_fields })
    }

    /// The property to slice by, if there is one.
    pub(super) fn by(&self) -> Option<eval::By<'_>> {
        let (by, data) = self.by.as_ref()?;
        let named = |fields: &'_ [Field], name: &str| {
            fields.iter().position(|field| field.name.eq_ignore_ascii_case(name))
        };
        match by {
            By::Own(own) => Some(*own),
            By::User(name) => named(&data.user_fields, name)
                .map(|at| eval::By::User(&data.user_fields[at], &data.users)),
            By::Song(name) => named(&data.song_fields, name)
                .map(|at| eval::By::Song(&data.song_fields[at], &data.songs)),
        }
    }
}

/// What the option `by` names, if it is given.
fn find(
    conn: &Connection,
    function: &str,
    options: &Options,
    model: &Dataset,
) -> Result<Option<By>> {
    let Some(by) = options.text("by") else { return Ok(None) };
    if let Some((_, own)) = OWN.iter().find(|(own, _)| own.eq_ignore_ascii_case(by)) {
        return Ok(Some(By::Own(*own)));
    }
    let columns = column_names(options);
    let names = |option: &str, role: Role, fields: &[Field]| -> Result<Vec<String>> {
        let Some(text) = options.text(option) else {
            return Ok(fields.iter().map(|field| field.name.clone()).collect());
        };
        let relation = Relation::resolve(conn, function, option, text)?;
        let given = columns.get(role).filter(|name| relation.column(name).is_some());
        let id = relation.need_column(role, given)?;
        if id.name.eq_ignore_ascii_case(by) {
            let message = format!(
                "is '{by}', the id in {}, and not a property that several share; evaluate_users \
                 gives every prediction, to be grouped by it",
                relation.label
            );
            return Err(Error::option(function, "by", message));
        }
        Ok(relation.columns.into_iter().map(|column| column.name).collect())
    };
    let users = names("users", Role::User, &model.user_fields)?;
    let songs = names("songs", Role::Song, &model.song_fields)?;
    let has = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case(by));
    match (has(&users), has(&songs)) {
        (true, false) => Ok(Some(By::User(by.to_owned()))),
        (false, true) => Ok(Some(By::Song(by.to_owned()))),
        (true, true) => Err(Error::option(
            function,
            "by",
            format!("is '{by}', which both users and songs have; rename one of them in a query"),
        )),
        (false, false) => Err(Error::option(
            function,
            "by",
            format!(
                "is '{by}', which is none of {}, no attribute of users ({}) and no field of songs \
                 ({}); give users := '…' or songs := '…' with such a column",
                OWN.map(|(own, _)| own).join(", "),
                listed(&users),
                listed(&songs)
            ),
        )),
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "there is none".to_owned() } else { names.join(", ") }
}

/// What to read for the property to slice by, if it is a column of a relation.
fn by_request(function: &str, options: &Options, by: &By) -> Option<DatasetRequest> {
    let text = |name: &str| options.text(name).map(str::to_owned);
    let request = request(function, options);
    match by {
        By::Own(_) => None,
        By::User(name) => Some(DatasetRequest {
            users: Some(text("users")?),
            attributes: Some(vec![name.clone()]),
            ..request
        }),
        By::Song(name) => Some(DatasetRequest {
            songs: Some(text("songs")?),
            fields: Some(vec![name.clone()]),
            ..request
        }),
    }
}

/// What to read for figures of lists, if songs are a relation.
fn fields_request(function: &str, options: &Options) -> Option<DatasetRequest> {
    let songs = options.text("songs").filter(|_| asks_for_fields(options))?;
    Some(DatasetRequest {
        songs: Some(songs.to_owned()),
        fields: options.texts("fields").map(<[String]>::to_vec),
        ..request(function, options)
    })
}

fn request(function: &str, options: &Options) -> DatasetRequest {
    DatasetRequest {
        function: function.to_owned(),
        columns: column_names(options),
        buckets: buckets(options),
        ..DatasetRequest::default()
    }
}

/// Into how many ranges numbers are cut.
pub(super) fn buckets(options: &Options) -> usize {
    if options.has("buckets") { options.count("buckets") } else { 5 }
}

/// The model's own song fields that the option `fields` names; all without it.
fn chosen(function: &str, options: &Options, model: &Dataset) -> Result<Vec<Field>> {
    let all = &model.song_fields;
    let Some(names) = options.texts("fields") else { return Ok(all.clone()) };
    let named = |name: &String| {
        let field = all.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        field.cloned().ok_or_else(|| {
            let known: Vec<String> = all.iter().map(|field| field.name.clone()).collect();
            let message = format!(
                "names '{name}', which is no field of songs that the model was trained with ({}); \
                 give songs := '…' with such a column",
                listed(&known)
            );
            Error::option(function, "fields", message)
        })
    };
    names.iter().map(named).collect()
}
