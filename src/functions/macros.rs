//! What the manual says about the macros of `sql/macros/`.

use super::contract::{Category, Column, Docs, MacroDocs, SqlType};
use super::recommend::{MODEL, NEXT_SONGS, RECOMMEND, SCORE, VERSION};
use super::sessionize;
use crate::train::{Default, Kind, Param};

const USER: Param = Param::new(
    "user",
    Kind::Id,
    Default::Required,
    "The listener. NULL gives no rows. A column of the name user must be qualified: u.\"user\".",
);
const SONGS: Param = Param::new(
    "songs",
    Kind::IdList,
    Default::Required,
    "The songs just played, oldest first. NULL gives no rows.",
);
const SONG: Param = Param::new("song", Kind::Id, Default::Required, "The song.");

/// All macros, in the order of the manual.
pub(super) fn all() -> Vec<MacroDocs> {
    vec![sessionize(), recommend(), next_songs(), score(), field_attention()]
}

fn sessionize() -> MacroDocs {
    MacroDocs {
        name: "sessionize",
        is_table: true,
        parameters: [&[sessionize::PLAYS], sessionize::OPTIONS].concat(),
        columns: vec![
            Column::documented("*", SqlType::Any, "The columns of the plays."),
            Column::documented(
                "session_id",
                SqlType::BigInt,
                "The session, numbered from 1 by user and time.",
            ),
        ],
        positional: Some(1),
        docs: Docs {
            category: Category::Data,
            description: "The plays with a column session_id: a new session begins with a user's \
                          first play, and after every gap longer than 30 minutes, or as given.",
            example: "FROM sessionize('(SELECT user_id, song_id, played_at FROM plays)',\n                \
                      gap := INTERVAL 45 MINUTES)",
        },
    }
}

fn recommend() -> MacroDocs {
    MacroDocs {
        name: "recommend",
        is_table: true,
        parameters: [&[USER], RECOMMEND].concat(),
        columns: ranked_songs(),
        positional: Some(2),
        docs: Docs {
            category: Category::Recommend,
            description: "The songs a listener is most likely to play next, after their latest \
                          session, best first. An unknown user gets the most played songs, and \
                          source says so. Users may come from a table; the rows of such a join \
                          have no order.",
            example: "FROM recommend(42, 10);\n\
                      SELECT u.user_id, r.* FROM users u, recommend(u.user_id, 3) r\n\
                      ORDER BY u.user_id, r.rank",
        },
    }
}

fn next_songs() -> MacroDocs {
    MacroDocs {
        name: "next_songs",
        is_table: true,
        parameters: [&[SONGS], NEXT_SONGS].concat(),
        columns: ranked_songs(),
        positional: Some(2),
        docs: Docs {
            category: Category::Recommend,
            description: "The songs most likely to follow a list of songs, best first; the \
                          listener need not be known. Songs the model does not know are passed \
                          over.",
            example: "FROM next_songs([12, 99, 7], 10)",
        },
    }
}

fn ranked_songs() -> Vec<Column> {
    vec![
        Column::documented("rank", SqlType::BigInt, "The place in the list, from 1."),
        Column::documented(
            "song_id",
            SqlType::Any,
            "The song, of the type that songs have in the training plays.",
        ),
        Column::documented("score", SqlType::Double, "What ranks; its scale is the model's own."),
        Column::documented(
            "source",
            SqlType::Varchar,
            "model, or popularity for listeners of whom the model knows nothing.",
        ),
    ]
}

fn score() -> MacroDocs {
    MacroDocs {
        name: "score",
        is_table: false,
        parameters: [&[USER, SONG], SCORE].concat(),
        columns: vec![Column::documented(
            "score",
            SqlType::Double,
            "NULL for users without plays and songs that the model does not know.",
        )],
        positional: None,
        docs: Docs {
            category: Category::Recommend,
            description: "A song's score for a user as their next song: the score that recommend \
                          ranks by.",
            example: "SELECT user_id, song_id, score(user_id, song_id) FROM test_plays LIMIT 5",
        },
    }
}

fn field_attention() -> MacroDocs {
    MacroDocs {
        name: "field_attention",
        is_table: true,
        parameters: vec![MODEL, VERSION],
        columns: vec![
            Column::documented(
                "user_id",
                SqlType::Any,
                "The user, of the type that users have in the training plays.",
            ),
            Column::documented("field", SqlType::Varchar, "A column of the songs."),
            Column::documented("weight", SqlType::Double, "From 0 to 1."),
        ],
        positional: Some(0),
        docs: Docs {
            category: Category::Understand,
            description: "How much weight each user's attention gives to each field of the songs \
                          they played, on average; the weights of a user sum to 1. For models of \
                          train_harm.",
            example: "FROM field_attention(model := 'harm') WHERE user_id = 42",
        },
    }
}
