//! The one error type of the library.
//!
//! Every message names the input at fault and the remedy, because it is shown to the analyst
//! verbatim as the error of a SQL statement.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;

/// A result whose error is shown to the analyst.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong, in the words the analyst reads.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// An option or argument has a wrong type, range or name.
    Option {
        /// The function that was called.
        function: String,
        /// The option's name.
        option: String,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// A relation, column or id in the caller's data is missing, ambiguous or unusable.
    Data(String),
    /// A model or version that is not in the store, or cannot be read from it.
    Model(String),
    /// The database cannot do what is asked: read-only, locked, …
    Database(String),
    /// A tensor operation failed.
    Compute(String),
    /// The analyst stopped the statement.
    Interrupted,
}

impl Error {
    /// An option error; `message` says what was given and what is allowed.
    pub fn option(
        function: impl Into<String>,
        option: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::Option { function: function.into(), option: option.into(), message: message.into() }
    }

    /// A data error; `message` names the relation or column and the remedy.
    pub fn data(message: impl Into<String>) -> Self {
        Self::Data(message.into())
    }

    /// The same error with the name of the function in front, where it has none.
    #[must_use]
    pub fn within(self, function: &str) -> Self {
        let named = |message: String| format!("{function}: {message}");
        match self {
            Self::Data(message) => Self::Data(named(message)),
            Self::Compute(message) => Self::Data(named(message)),
            other => other,
        }
    }

    /// A model-store error; `message` names the model and the remedy.
    pub fn model(message: impl Into<String>) -> Self {
        Self::Model(message.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option { function, option, message } => {
                write!(f, "{function}: option '{option}' {message}")
            }
            Self::Data(message) | Self::Model(message) | Self::Database(message) => {
                f.write_str(message)
            }
            Self::Compute(message) => write!(f, "computation failed: {message}"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Error {}

impl From<duckdb::Error> for Error {
    fn from(error: duckdb::Error) -> Self {
        match error {
            duckdb::Error::DuckDBFailure(_, Some(message)) => Self::Database(message),
            other => Self::Database(other.to_string()),
        }
    }
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Compute(error.to_string())
    }
}

impl From<safetensors::SafeTensorError> for Error {
    fn from(error: safetensors::SafeTensorError) -> Self {
        Self::Model(format!("the stored model cannot be read: {error}"))
    }
}

/// Longest piece of a given text that a message repeats, in characters.
const EXCERPT_CHARS_MAX: usize = 60;

/// A given text as messages repeat it: of a long one the beginning.
pub(crate) fn excerpt(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(EXCERPT_CHARS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// What a panic said.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "unknown cause"
    }
}
