//! What the manual says about functions.

use super::Column;
use crate::train::Param;

/// The chapters of the manual, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Tables to begin with, and sessions.
    Data,
    /// Plays to train on, to choose by, and to test with.
    Split,
    /// One function a model.
    Train,
    /// Songs for listeners.
    Recommend,
    /// Why a model answers as it does.
    Understand,
    /// How well a model predicts.
    Evaluate,
    /// Chord symbols and progressions.
    Chords,
    /// What files sound like.
    Audio,
    /// What is stored.
    Models,
    /// About Segue itself.
    Help,
}

impl Category {
    /// All of them, in the order of the manual.
    pub const ALL: [Self; 10] = [
        Self::Data,
        Self::Split,
        Self::Train,
        Self::Recommend,
        Self::Understand,
        Self::Evaluate,
        Self::Chords,
        Self::Audio,
        Self::Models,
        Self::Help,
    ];

    /// Its name in `segue_functions()`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Split => "split",
            Self::Train => "train",
            Self::Recommend => "recommend",
            Self::Understand => "understand",
            Self::Evaluate => "evaluate",
            Self::Chords => "chords",
            Self::Audio => "audio",
            Self::Models => "models",
            Self::Help => "help",
        }
    }
}

/// What the manual says about a function.
#[derive(Debug, Clone, Copy)]
pub struct Docs {
    /// Where it stands in the manual.
    pub category: Category,
    /// What it does, in sentences.
    pub description: &'static str,
    /// Statements that show it. A test runs them, after a `;` each, on the tables of `data/`,
    /// `train_plays` and `test_plays` (their earlier and later plays), and a model 'harm' with
    /// versions 1 and 2.
    pub example: &'static str,
}

/// What the manual says about a function in expressions.
pub struct ScalarDocs {
    /// Its parameters, by position; DuckDB does not look at names.
    pub parameters: &'static [Param],
    /// What its last parameter, a STRUCT of options, may hold.
    pub options: &'static [Param],
    /// Its value, as a column of its name.
    pub value: Column,
    /// What else there is to say.
    pub docs: Docs,
}

/// What the manual says about a macro of `sql/macros/`. A test compares it with the macro's text.
pub struct MacroDocs {
    /// Its name in SQL.
    pub name: &'static str,
    /// Whether it stands in FROM; otherwise in expressions.
    pub is_table: bool,
    /// Its parameters in order, each taken by position or by name: those that the function behind
    /// the macro checks.
    pub parameters: Vec<Param>,
    /// The result's columns; the value, as one column, for a macro in expressions.
    pub columns: Vec<Column>,
    /// How many of the parameters are positional, and must be given, in the table function of the
    /// same name that takes constants; the others are named. `None` where there is no such function.
    pub positional: Option<usize>,
    /// What the manual says.
    pub docs: Docs,
}
