//! `evaluate`: how high a model ranks what listeners really played next.

use std::sync::Arc;

use super::contract::{Binding, Call, Category, Column, Docs, SqlType, TableFunction, Value};
use super::loaded::load;
use super::recommend::{REPEATS, VERSION};
use super::rows::Once;
use super::settings;
use super::training::{SESSION, SONG, TIME, USER, column_names};
use crate::error::{Error, Result};
use crate::eval::{self, Cases, METRICS, Protocol, Repeats, Targets};
use crate::store;
use crate::train::{Default, Kind, Param};

/// `evaluate(model, test, k := […])`.
pub struct Evaluate;

const NAMED: &[Param] = &[
    Param::new(
        "k",
        Kind::IntList { min: 1, max: 1_000_000 },
        Default::IntList(&[5, 10, 15, 20, 25, 30]),
        "Lengths of the list of recommendations.",
    ),
    VERSION,
    Param::new(
        "protocol",
        Kind::Choice(&["auto", "session", "history"]),
        Default::Text("auto"),
        "What the model is told before it predicts a play: session, the plays before it in its \
         test session; history, the user's latest training session and the test plays before it; \
         auto, session where the test plays have sessions.",
    ),
    Param::new(
        "targets",
        Kind::Choice(&["every", "last"]),
        Default::Text("every"),
        "Which plays of a test session are predicted: every one that has plays before it, or the \
         last.",
    ),
    Param::new(
        "unknown",
        Kind::Choice(&["miss", "skip"]),
        Default::Text("miss"),
        "What becomes of plays of songs that the model does not know: a miss, or left out.",
    ),
    REPEATS,
    USER,
    SONG,
    TIME,
    SESSION,
];

impl TableFunction for Evaluate {
    fn name(&self) -> String {
        "evaluate".into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![
            Param::new(
                "model",
                Kind::Text,
                Default::Required,
                "The model's name, for one in another database with that in front: 'music.harm'.",
            ),
            Param::new(
                "test",
                Kind::Relation,
                Default::Required,
                "Held-out plays, with the same columns as the training plays.",
            ),
        ]
    }

    fn named(&self) -> Vec<Param> {
        NAMED.to_vec()
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::documented(
                "metric",
                SqlType::Varchar,
                "recall, hit_rate, mrr or ndcg; docs/metrics.md has the formulas.",
            ),
            Column::documented(
                "k",
                SqlType::BigInt,
                "The length of the list; NULL where the whole ranking counts.",
            ),
            Column::documented("value", SqlType::Double, "The metric's mean over the cases."),
            Column::documented("cases", SqlType::BigInt, "How many plays were predicted."),
            Column::documented(
                "unknown_songs",
                SqlType::BigInt,
                "How many plays were of songs that the model does not know.",
            ),
        ]
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Evaluate,
            description: "Recall, hit rate, MRR and NDCG of the next song among all songs. A song \
                          ranks behind all songs of the same score.",
            example: "FROM evaluate('harm', 'test_plays', k := [10, 20])",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let conn = call.caller.connect()?;
        let options = &call.options;
        let (name, version) = (options.text("model"), options.int("version"));
        let loaded = load(&call.caller, "evaluate", name, version)?;
        let test = options.text("test").unwrap_or_default();
        let names = column_names(options);
        store::check_test_plays(&conn, "evaluate", "test", test, &names, &loaded.dataset)?;
        let version = loaded.row.version;
        let call = Arc::new(call.clone());
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(move || {
                let call = call.clone();
                Ok(Once::boxed(move || rows(&call, version)))
            }),
        })
    }
}

fn rows(call: &Call, version: i64) -> Result<Vec<Vec<Value>>> {
    let options = &call.options;
    let loaded = load(&call.caller, "evaluate", options.text("model"), Some(version))?;
    let conn = call.caller.connect()?;
    let control = &call.caller.control;
    let test = options.text("test").unwrap_or_default();
    let names = column_names(options);
    let dataset = &loaded.dataset;
    let plays = store::read_test_plays(&conn, "evaluate", "test", test, &names, dataset, control)?;
    let threads = settings::threads(&call.caller, "evaluate")?;
    let plays = threads.run(|| plays.finish(dataset, control))?;
    let protocol = match options.text("protocol") {
        Some("session") => Protocol::Session,
        Some("history") => Protocol::History,
        _ if plays.has_sessions => Protocol::Session,
        _ => Protocol::History,
    };
    let last = options.text("targets") == Some("last");
    let cases = Cases {
        protocol,
        targets: if last { Targets::Last } else { Targets::Every },
        repeats: Repeats::parse(options.text("repeats").unwrap_or("allow"))?,
        skip_unknown: options.text("unknown") == Some("skip"),
    };
    let ranks = eval::ranks(loaded.model.as_ref(), dataset, &plays, cases, control)?;
    if ranks.ranks.is_empty() {
        return Err(Error::data(format!(
            "evaluate: option 'test': {test} has no play to predict: each needs a play before it \
             in its session (or, with protocol := 'history', a user of the model){}",
            if cases.skip_unknown { ", of a song that the model knows" } else { "" }
        )));
    }
    let mut rows = Vec::new();
    for metric in METRICS {
        let lists = options.ints("k").iter().map(|&k| usize::try_from(k).ok());
        for k in lists.chain(metric.whole.then_some(None)) {
            rows.push(vec![
                Value::Text(metric.name.to_owned()),
                k.map_or(Value::Null, |k| Value::Int(k as i64)),
                Value::Float(eval::mean(metric, &ranks.ranks, k)),
                Value::Int(ranks.ranks.len() as i64),
                Value::Int(ranks.unknown as i64),
            ]);
        }
    }
    Ok(rows)
}
