//! Made-up listening data with a planted structure, for demos, tests and measurements.
//!
//! Every user cares for one [`Aspect`] of songs. Which one follows from the user's age and gender,
//! so a model that sees them can know it. In a session the user follows one value of that aspect
//! (an artist, a genre, a tag, a chord at a certain place) and changes it seldom, so the last songs
//! show it. Artists, genres, tags and chords are dealt to songs independently of each other and in
//! equal portions: after the same songs, users who care for different aspects go on differently,
//! and no aspect is easier to guess than another. Songs are drawn by long-tailed popularity.
//!
//! All draws are made on integers with a ChaCha generator, so a seed gives the same data on every
//! platform.

mod catalogue;
mod draw;
mod names;
mod people;
mod sessions;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use crate::control::Control;
use crate::error::{Error, Result};

/// The name under which errors speak of this generator.
const FUNCTION: &str = "generate_listening";
/// Fewer songs could not carry four aspects with several songs a value.
pub const SONGS_MIN: usize = 20;
/// Bound that keeps internal indices within 32 bits.
pub const SONGS_MAX: usize = 100_000_000;
/// Bound that keeps internal indices within 32 bits.
pub const USERS_MAX: usize = 1_000_000_000;
/// Bound that keeps timestamps in DuckDB's range, whoever plays how much.
pub const PLAYS_MAX: usize = 100_000_000_000;

/// What a user can care for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aspect {
    /// The song's artist.
    Artist,
    /// The song's genre.
    Genre,
    /// One of the song's tags.
    Tags,
    /// The chord at one of [`CHORD_PLACES`].
    Chords,
}

/// Positions in a song whose chord users with [`Aspect::Chords`] listen for: where the verse and
/// the chorus begin.
pub const CHORD_PLACES: [usize; 2] = [0, 16];

impl Aspect {
    /// Every aspect.
    pub const ALL: [Self; 4] = [Self::Artist, Self::Genre, Self::Tags, Self::Chords];

    /// Its name in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Artist => "artist",
            Self::Genre => "genre",
            Self::Tags => "tags",
            Self::Chords => "chords",
        }
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Aspect {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|a| a.as_str().eq_ignore_ascii_case(text.trim()));
        found.ok_or_else(|| {
            let choices = Self::ALL.map(Self::as_str).join(", ");
            Error::option(FUNCTION, "aspects", format!("knows no '{text}'; choose from {choices}"))
        })
    }
}

/// How much data to make, and with which structure.
#[derive(Debug, Clone, PartialEq)]
pub struct ListeningPlan {
    /// Number of users, from 1.
    pub users: usize,
    /// Number of songs, from [`SONGS_MIN`].
    pub songs: usize,
    /// Number of plays of all users together, at least one a user.
    pub plays: usize,
    /// The same plan and seed give the same data.
    pub seed: u64,
    /// The aspects that users care for, in equal shares; not empty, each at most once.
    pub aspects: Vec<Aspect>,
    /// Share of plays drawn from all songs by popularity alone, in `0..=1`.
    pub noise: f64,
    /// Probability that a session's next song keeps the value that the user follows, in `0..=1`.
    pub stay: f64,
}

impl Default for ListeningPlan {
    fn default() -> Self {
        Self {
            users: 200,
            songs: 600,
            plays: 12_000,
            seed: 1,
            aspects: Aspect::ALL.to_vec(),
            noise: 0.15,
            stay: 0.9,
        }
    }
}

impl ListeningPlan {
    /// Checks the plan without making anything.
    ///
    /// # Errors
    /// The first option that is out of its range or contradicts another, by name.
    pub fn check(&self) -> Result<()> {
        let within = |option: &str, value: usize, min: usize, max: usize| {
            if (min..=max).contains(&value) {
                return Ok(());
            }
            let message = format!("is {value}; it must be from {min} to {max}");
            Err(Error::option(FUNCTION, option, message))
        };
        within("users", self.users, 1, USERS_MAX)?;
        within("songs", self.songs, SONGS_MIN, SONGS_MAX)?;
        within("plays", self.plays, 1, PLAYS_MAX)?;
        if self.plays < self.users {
            let message = format!(
                "is {}, fewer than the {} users; every user needs a play, so ask for at least {} \
                 plays or for fewer users",
                self.plays, self.users, self.users
            );
            return Err(Error::option(FUNCTION, "plays", message));
        }
        for (option, value) in [("noise", self.noise), ("stay", self.stay)] {
            if !(0.0..=1.0).contains(&value) {
                let message = format!("is {value}; it must be from 0 to 1");
                return Err(Error::option(FUNCTION, option, message));
            }
        }
        self.check_aspects()
    }

    fn check_aspects(&self) -> Result<()> {
        if self.aspects.is_empty() {
            let choices = Aspect::ALL.map(Aspect::as_str).join(", ");
            let message = format!("is empty; name at least one of {choices}");
            return Err(Error::option(FUNCTION, "aspects", message));
        }
        for (i, aspect) in self.aspects.iter().enumerate() {
            if self.aspects[..i].contains(aspect) {
                let message = format!("names '{aspect}' twice; name each aspect once");
                return Err(Error::option(FUNCTION, "aspects", message));
            }
        }
        Ok(())
    }
}

/// Who played what and when, as columns; ordered by user, then by time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlayRows {
    /// Ids of users, from 1.
    pub user_id: Vec<i64>,
    /// Ids of songs, from 1.
    pub song_id: Vec<i64>,
    /// Microseconds since 1970, whole seconds.
    pub played_at: Vec<i64>,
    /// Ids of sessions, unique over all users, from 1.
    pub session_id: Vec<i64>,
}

/// The songs, as columns; song `i` has the id `i + 1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SongRows {
    /// Ids, from 1.
    pub song_id: Vec<i64>,
    /// Titles; not unique.
    pub title: Vec<String>,
    /// Names of artists.
    pub artist: Vec<&'static str>,
    /// Titles of albums; each belongs to one artist.
    pub album: Vec<String>,
    /// Names of genres.
    pub genre: Vec<&'static str>,
    /// One to three different tags a song.
    pub tags: Vec<Vec<&'static str>>,
    /// Year of release, that of the album.
    pub year: Vec<i32>,
}

/// The users, as columns; user `i` has the id `i + 1`. Attributes are missing here and there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserRows {
    /// Ids, from 1.
    pub user_id: Vec<i64>,
    /// Age in years.
    pub age: Vec<Option<i32>>,
    /// `female`, `male` or `other`.
    pub gender: Vec<Option<&'static str>>,
    /// Two-letter code of the country.
    pub country: Vec<Option<&'static str>>,
}

/// The chords of all songs, as columns; ordered by song, then by position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChordRows {
    /// Ids of songs.
    pub song_id: Vec<i64>,
    /// Position in the song, from 0.
    pub position: Vec<i32>,
    symbol: Vec<u8>,
}

impl ChordRows {
    /// The chord of row `row` in Harte's notation, such as `C:maj` or `A:min`.
    pub fn chord(&self, row: usize) -> &'static str {
        names::CHORDS[self.symbol[row] as usize]
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.symbol.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.symbol.is_empty()
    }
}

/// Generated plays, songs, users and chords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// The plays, exactly as many as planned.
    pub plays: PlayRows,
    /// The songs.
    pub songs: SongRows,
    /// The users.
    pub users: UserRows,
    /// The songs' chords.
    pub chords: ChordRows,
    /// What each user cares for. The truth for tests to compare with: models must not see it.
    pub user_aspects: Vec<Aspect>,
}

/// Makes the planned data.
///
/// # Errors
/// As [`ListeningPlan::check`].
pub fn generate(plan: &ListeningPlan) -> Result<Listening> {
    generate_with(plan, &Control::default())
}

/// As [`generate`], and stops when `control` says so.
///
/// # Errors
/// As [`generate`], and [`Error::Interrupted`].
pub fn generate_with(plan: &ListeningPlan, control: &Control) -> Result<Listening> {
    plan.check()?;
    let catalogue = catalogue::Catalogue::deal(plan);
    let people = people::People::deal(plan);
    let plays = sessions::play(plan, &catalogue, &people.aspects, control)?;
    let (songs, chords) = (catalogue.songs(plan, control)?, catalogue.chords(plan, control)?);
    Ok(Listening { plays, songs, users: people.rows, chords, user_aspects: people.aspects })
}
