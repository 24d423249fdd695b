//! Options that every training has.

use crate::data::ChordReading;
use crate::data::chords::Vocabulary;
use crate::device::DEVICES;
use crate::eval::Repeats;
use crate::store::{ColumnNames, DatasetRequest};
use crate::train::{Default, Kind, ModelSpec, Options, Param, Setting};

/// Who played what.
pub(in crate::functions) const PLAYS: Param = Param::new(
    "plays",
    Kind::Relation,
    Default::Required,
    "Who played what: a table, view, or query in parentheses with columns for user and song, and \
     optionally time and session.",
);

/// The options, in the order of the manual.
pub(in crate::functions) const COMMON: &[Param] = &[
    Param::new(
        "songs",
        Kind::Relation,
        Default::Absent,
        "What songs are: one row a song. Every other column can be a field. Songs without plays \
         can be recommended through their fields.",
    ),
    Param::new(
        "users",
        Kind::Relation,
        Default::Absent,
        "What users are: one row a user. Every other column can be an attribute.",
    ),
    Param::new(
        "model",
        Kind::Text,
        Default::Absent,
        "The name to store the model under; by default the kind's (train_harm stores 'harm'). \
         'music.harm' stores it in the attached database music. Another training under a name makes its next version.",
    ),
    USER,
    SONG,
    TIME,
    SESSION,
    Param::new(
        "fields",
        Kind::TextList,
        Default::Absent,
        "The columns of songs to use; by default all but titles, which are text columns with at \
         least 50 values, more than half of them distinct.",
    ),
    Param::new(
        "attributes",
        Kind::TextList,
        Default::Absent,
        "The columns of users to use; by default all but those like titles.",
    ),
    Param::new(
        "buckets",
        Kind::Int { min: 2, max: 100_000 },
        Default::Int(20),
        "Numbers with more distinct values than this are cut into this many quantile buckets.",
    ),
    Param::new(
        "validation",
        Kind::Relation,
        Default::Absent,
        "Held-out plays to measure every epoch on; they choose the best epoch and stop training. \
         Without them all epochs run and the last one is kept.",
    ),
    Param::new(
        "metric",
        Kind::Text,
        Default::Text("recall_at_20"),
        "The validation metric that chooses the best epoch: recall, hit_rate, precision, mrr, ndcg or \
         map with a length of the list ('ndcg_at_10', also written 'ndcg@10'), or mrr, map or auc \
         over the whole ranking.",
    ),
    Param::new(
        "repeats",
        Kind::Choice(Repeats::NAMES),
        Default::Absent,
        "Whether songs that the user has played compete when validation plays are ranked: allow, \
         exclude or only, as in evaluate; by default they do. Where nothing is played twice, as in \
         ratings, exclude.",
    ),
    Param::new(
        "patience",
        Kind::Int { min: 1, max: 100_000 },
        Default::Int(3),
        "Epochs without a better validation metric before training stops.",
    ),
    Param::new(
        "seed",
        Kind::Int { min: 0, max: i64::MAX },
        Default::Int(1),
        "The same seed, data, options and machine give the same weights.",
    ),
    Param::new(
        "device",
        Kind::Choice(DEVICES),
        Default::Absent,
        "Where to compute: cpu, cuda, or auto for a GPU where there is one; by default what the \
         setting segue_device says, at first auto.",
    ),
    Param::new(
        "retrain",
        Kind::Bool,
        Default::Bool(false),
        "Train even if the same training is stored already.",
    ),
];

/// An option that every training has.
pub(in crate::functions) fn of_every(name: &str) -> Option<Param> {
    COMMON.iter().copied().find(|param| param.name == name)
}

/// The user column.
pub(in crate::functions) const USER: Param = Param::new(
    "user",
    Kind::Text,
    Default::Absent,
    "The column with the user, where it has no usual name (user_id, user, …).",
);
/// The song column.
pub(in crate::functions) const SONG: Param = Param::new(
    "song",
    Kind::Text,
    Default::Absent,
    "The column with the song, where it has no usual name (song_id, track_id, item_id, …).",
);
/// The time column.
pub(in crate::functions) const TIME: Param = Param::new(
    "time",
    Kind::Text,
    Default::Absent,
    "The column with the time, where it has no usual name (played_at, timestamp, ts, …). Without \
     one, rows count as being in order. TIME is a type in SQL, so that the option is written in quotes: \
     \"time\" := 'at'.",
);
/// The session column.
pub(in crate::functions) const SESSION: Param = Param::new(
    "session",
    Kind::Text,
    Default::Absent,
    "The column with the session, where it has no usual name (session_id, …). Without one, a \
     user's history is one session; sessionize() makes sessions.",
);

/// The columns named in the options.
pub(in crate::functions) fn column_names(options: &Options) -> ColumnNames {
    let text = |name: &str| options.text(name).map(str::to_owned);
    ColumnNames {
        user: text("user"),
        song: text("song"),
        session: text("session"),
        time: text("time"),
    }
}

/// What to read for a training.
pub(super) fn request(function: &str, options: &Options) -> DatasetRequest {
    let text = |name: &str| options.text(name).map(str::to_owned);
    let texts = |name: &str| options.texts(name).map(<[String]>::to_vec);
    DatasetRequest {
        function: function.to_owned(),
        plays: text("plays"),
        songs: text("songs"),
        users: text("users"),
        columns: column_names(options),
        // A label is the only field.
        fields: texts("fields").or_else(|| Some(vec![text("label")?])),
        attributes: texts("attributes"),
        buckets: options.count("buckets"),
        chords: text("chords"),
        features: ["features", "audio"].into_iter().find_map(|name| Some((name, text(name)?))),
        tiles: text("tiles"),
        chord_reading: ChordReading {
            vocabulary: options.text("vocabulary").and_then(Vocabulary::parse),
            common_key: options.bool("common_key"),
            ngram: options.count("ngram").max(1),
        },
    }
}

/// The options that make one training the same as another: those of the model, resolved, seed and
/// device, how its inputs are read, and what early stopping watches. What data was read is told apart by
/// its fingerprint, so names of relations and columns do not count.
pub(super) fn identity(
    spec: &ModelSpec,
    options: &Options,
    device: &str,
    watched: &str,
) -> Options {
    let mut kept = Options::default();
    let inputs = spec.inputs.iter().filter(|param| param.kind != Kind::Relation);
    let params = inputs.chain(spec.params).map(|param| param.name);
    let names = params.chain(["seed", "patience", "repeats"]);
    for name in names {
        if let Some(setting) = options.get(name) {
            kept.set(name, setting.clone());
        }
    }
    kept.set("device", Setting::Text(device.to_owned()));
    // However it was written.
    kept.set("metric", Setting::Text(watched.to_owned()));
    kept
}

/// Whether options that are stored, as JSON, are those of a training. Earlier versions stored options
/// as they were given: what these left open, and an option that the model has got since, had its
/// default then.
pub(super) fn is_same(spec: &ModelSpec, stored: &str, identity: &str) -> bool {
    if stored == identity {
        return true;
    }
    let parse = |text: &str| serde_json::from_str::<Options>(text).ok();
    let (Some(stored), Some(identity)) = (parse(stored), parse(identity)) else { return false };
    spec.resolve(&stored) == identity
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{LISTENERS, REGISTRY};

    fn json(options: &Options) -> String {
        serde_json::to_string(options).unwrap()
    }

    fn every_model() -> impl Iterator<Item = &'static ModelSpec> {
        REGISTRY.iter().chain(LISTENERS).copied()
    }

    /// The options of a call that gives none but these.
    fn call(spec: &ModelSpec, given: &[(&str, Setting)]) -> Options {
        let mut options = Options::defaults(&[COMMON, spec.inputs, spec.params].concat());
        given.iter().for_each(|(name, setting)| options.set(name, setting.clone()));
        options
    }

    fn identity_of(spec: &ModelSpec, options: &Options) -> String {
        json(&identity(spec, &spec.resolve(options), "cpu", "recall_at_20"))
    }

    #[test]
    fn defaults_that_are_spelled_out_make_no_other_training() {
        for spec in every_model() {
            for paper in [false, true] {
                let options = call(spec, &[("paper", Setting::Bool(paper))]);
                let identity = identity_of(spec, &options);
                let mut spelled = spec.resolve(&options);
                assert_eq!(identity, identity_of(spec, &spelled), "{}", spec.name);
                for param in spec.params {
                    // As a model of a version that stored options as they were given.
                    let mut older = serde_json::from_str::<Options>(&identity).unwrap();
                    older.0.remove(param.name);
                    let derived = param.name != "paper" || !paper;
                    assert_eq!(is_same(spec, &json(&older), &identity), derived, "{}", spec.name);
                }
                spelled.set("seed", Setting::Int(77));
                assert_ne!(identity, identity_of(spec, &spelled), "{}", spec.name);
            }
        }
    }

    #[test]
    fn options_that_came_later_had_their_defaults() {
        let spec = REGISTRY.iter().find(|spec| spec.name == "sasrec").unwrap();
        let identity = spec.resolve(&Options::defaults(spec.params));
        let mut older = identity.clone();
        older.0.remove("bias");
        assert_ne!(json(&older), json(&identity));
        assert!(is_same(spec, &json(&older), &json(&identity)));
        // Not where it is asked for with another value, or where another option differs.
        let mut other = identity.clone();
        other.set("bias", Setting::Bool(true));
        assert!(!is_same(spec, &json(&older), &json(&other)));
        older.set("epochs", Setting::Int(77));
        assert!(!is_same(spec, &json(&older), &json(&identity)));
        assert!(!is_same(spec, "no JSON", &json(&identity)));
    }
}
