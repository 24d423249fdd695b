//! Names and words: artists, genres, tags, titles, chord symbols.

/// Artists.
pub(super) const ARTISTS: [&str; 40] = [
    "Amber Harbour",
    "Silver Harbour",
    "Paper Harbour",
    "Northern Harbour",
    "Velvet Harbour",
    "Hollow Harbour",
    "Electric Harbour",
    "Quiet Harbour",
    "Amber Foxes",
    "Silver Foxes",
    "Paper Foxes",
    "Northern Foxes",
    "Velvet Foxes",
    "Hollow Foxes",
    "Electric Foxes",
    "Quiet Foxes",
    "Amber Theory",
    "Silver Theory",
    "Paper Theory",
    "Northern Theory",
    "Velvet Theory",
    "Hollow Theory",
    "Electric Theory",
    "Quiet Theory",
    "Amber Sisters",
    "Silver Sisters",
    "Paper Sisters",
    "Northern Sisters",
    "Velvet Sisters",
    "Hollow Sisters",
    "Electric Sisters",
    "Quiet Sisters",
    "Amber Parade",
    "Silver Parade",
    "Paper Parade",
    "Northern Parade",
    "Velvet Parade",
    "Hollow Parade",
    "Electric Parade",
    "Quiet Parade",
];

/// Genres.
pub(super) const GENRES: [&str; 40] = [
    "rock",
    "pop",
    "jazz",
    "folk",
    "blues",
    "soul",
    "funk",
    "disco",
    "house",
    "techno",
    "trance",
    "ambient",
    "hip hop",
    "trap",
    "drill",
    "reggae",
    "ska",
    "dub",
    "punk",
    "metal",
    "grunge",
    "shoegaze",
    "country",
    "bluegrass",
    "gospel",
    "classical",
    "opera",
    "choral",
    "flamenco",
    "fado",
    "samba",
    "bossa nova",
    "salsa",
    "tango",
    "cumbia",
    "afrobeat",
    "highlife",
    "klezmer",
    "city pop",
    "synthwave",
];

/// Tags; twice as many as genres.
pub(super) const TAGS: [&str; 80] = [
    "happy",
    "sad",
    "calm",
    "angry",
    "dreamy",
    "dark",
    "bright",
    "warm",
    "cold",
    "tender",
    "epic",
    "playful",
    "nostalgic",
    "romantic",
    "hopeful",
    "lonely",
    "angelic",
    "gritty",
    "lush",
    "sparse",
    "loud",
    "soft",
    "fast",
    "slow",
    "danceable",
    "hypnotic",
    "groovy",
    "catchy",
    "complex",
    "simple",
    "live",
    "acoustic",
    "electric",
    "instrumental",
    "a cappella",
    "remix",
    "cover",
    "demo",
    "lo-fi",
    "orchestral",
    "female vocals",
    "male vocals",
    "duet",
    "choir",
    "rap",
    "falsetto",
    "whisper",
    "spoken word",
    "guitar",
    "piano",
    "violin",
    "cello",
    "saxophone",
    "trumpet",
    "flute",
    "organ",
    "banjo",
    "harp",
    "drums",
    "synth",
    "morning",
    "evening",
    "late night",
    "summer",
    "winter",
    "rain",
    "road trip",
    "workout",
    "study",
    "sleep",
    "party",
    "wedding",
    "dinner",
    "beach",
    "city",
    "forest",
    "soundtrack",
    "one hit",
    "classic",
    "debut",
];

/// First words of titles.
pub(super) const WORDS: [&str; 24] = [
    "Golden", "Broken", "Distant", "Silent", "Burning", "Endless", "Hidden", "Falling", "Little",
    "Midnight", "Restless", "Faded", "Crystal", "Lonely", "Wild", "Gentle", "Frozen", "Scarlet",
    "Empty", "Second", "Borrowed", "Slow", "Wooden", "Salt",
];

/// Second words of titles.
pub(super) const NOUNS: [&str; 24] = [
    "River", "Mirror", "Window", "Garden", "Station", "Letter", "Shadow", "Summer", "Engine",
    "Lantern", "Island", "Signal", "Ocean", "Corner", "Weather", "Bridge", "Morning", "Desert",
    "Feather", "Circle", "Valley", "Ladder", "Harvest", "Thunder",
];

/// What albums are called after their artist.
pub(super) const ALBUMS: [&str; 12] = [
    "Live",
    "Demos",
    "Sessions",
    "Debut",
    "Encore",
    "Songs",
    "Stories",
    "Letters",
    "Maps",
    "Seasons",
    "Postcards",
    "Remains",
];

/// Countries, most frequent first.
pub(super) const COUNTRIES: [&str; 12] =
    ["US", "GB", "DE", "FR", "BR", "JP", "SE", "NL", "PL", "ES", "IT", "MX"];

/// Chord symbols in Harte's notation: root (semitones from C) times 4, plus quality.
pub(super) const CHORDS: [&str; 48] = [
    "C:maj", "C:min", "C:7", "C:maj7", "C#:maj", "C#:min", "C#:7", "C#:maj7", "D:maj", "D:min",
    "D:7", "D:maj7", "Eb:maj", "Eb:min", "Eb:7", "Eb:maj7", "E:maj", "E:min", "E:7", "E:maj7",
    "F:maj", "F:min", "F:7", "F:maj7", "F#:maj", "F#:min", "F#:7", "F#:maj7", "G:maj", "G:min",
    "G:7", "G:maj7", "Ab:maj", "Ab:min", "Ab:7", "Ab:maj7", "A:maj", "A:min", "A:7", "A:maj7",
    "Bb:maj", "Bb:min", "Bb:7", "Bb:maj7", "B:maj", "B:min", "B:7", "B:maj7",
];

/// Qualities, as offsets into a root's symbols.
pub(super) const MAJ: u8 = 0;
/// Minor.
pub(super) const MIN: u8 = 1;
/// Dominant seventh.
pub(super) const DOM7: u8 = 2;
/// Major seventh.
pub(super) const MAJ7: u8 = 3;

/// The root and quality of the tonic with the given number: triads first.
pub(super) fn tonic(number: usize) -> (u8, u8) {
    let qualities = [MAJ, MIN, DOM7, MAJ7];
    ((number % 12) as u8, qualities[number / 12 % 4])
}

/// A progression: semitones above the tonic, and quality. The first chord is the tonic itself,
/// whose quality the key decides.
type Template = [(u8, u8); 4];

/// Progressions in keys with a major third.
pub(super) const MAJOR: [Template; 5] = [
    [(0, MAJ), (7, MAJ), (9, MIN), (5, MAJ)],
    [(0, MAJ), (9, MIN), (5, MAJ), (7, MAJ)],
    [(0, MAJ), (5, MAJ), (7, DOM7), (5, MAJ)],
    [(0, MAJ), (4, MIN), (5, MAJ), (7, MAJ)],
    [(0, MAJ), (2, MIN), (7, DOM7), (5, MAJ7)],
];

/// Progressions in minor keys.
pub(super) const MINOR: [Template; 4] = [
    [(0, MIN), (8, MAJ), (3, MAJ), (10, MAJ)],
    [(0, MIN), (5, MIN), (10, DOM7), (3, MAJ7)],
    [(0, MIN), (10, MAJ), (8, MAJ), (7, DOM7)],
    [(0, MIN), (3, MAJ), (10, MAJ), (5, MAJ)],
];
