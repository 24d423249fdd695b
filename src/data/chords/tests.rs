//! Symbols of all kinds, and what is made of them.

use super::*;

fn parse(text: &str) -> Chord {
    Chord::parse(text).unwrap()
}

fn printed(text: &str) -> String {
    parse(text).to_string()
}

fn list(text: &str) -> Vec<Chord> {
    text.split_whitespace().map(parse).collect()
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

#[test]
fn all_syntaxes_mean_the_same() {
    for (harte, others) in [
        ("C:maj", "C C:maj C:(3,5) CM Cmaj Cmajor CMajor"),
        ("A:min7", "Am7 A-7 A−7 A–7 Aminor7 Ami7 Amin7 AMIN7 A:min7 A:(b3,5,b7) A:min(b7)"),
        ("Bb:maj7/3", "Bbmaj7/D BbM7/D BbΔ/D Bb^7/D B♭maj7/D Bb:maj7/3 Bb:maj(7)/D"),
        ("F#:hdim7", "F#m7b5 F#ø F#ø7 F#m7(b5) F#-7-5 F#h7 F#hdim7 F#:hdim F#:min7(b5,*5) Fsm7b5"),
        ("C:maj6(9)/3", "C:maj6(9)/3 C6/9/E C69/E C:6(9)/3"),
        ("E:sus4(b7)", "E7sus4 E7sus E:sus4(b7) Esus4(b7)"),
        ("G:7(b9,#11)", "G7b9#11 G7(b9,#11) G:7(b9,s11) G7(#11)(b9)"),
        ("B:dim7", "Bdim7 Bo7 B°7 B:dim7 B:(b3,b5,bb7)"),
        ("C:minmaj7", "CmM7 Cm(maj7) CmMaj7 Cm/maj7 Cm#7 C:minmaj7 C:min(7)"),
        ("D:aug(b7)", "D7#5 D7+ D+7 Daug7 D7+5 D:7(#5,*5)"),
        ("G:5", "G5 Gno3d Gno3 G:5 G:maj(*3) G:(1,5)"),
        ("D:min(9)", "Dmadd9 Dm(add9) Dm(9) D:min(9)"),
        ("A:13(b9,*9)", "A13b9 A:13(*9,b9)"),
        ("F#:min/3", "F#m/A# Fsmin/As"),
        ("C:aug(b7,#9)", "C7alt Calt"),
        ("N", "N NC N.C. n.c. N/C"),
        ("X", "X"),
    ] {
        for other in others.split(' ') {
            assert_eq!(printed(other), harte, "{other}");
        }
        assert_eq!(parse(harte).to_string(), harte);
    }
}

#[test]
fn what_is_no_chord_is_named_with_the_reason() {
    for (text, why) in [
        ("H", "it does not begin with a note from A to G"),
        ("", "it does not begin with a note from A to G"),
        ("C:foo", "there is no quality 'foo' in Harte's syntax"),
        ("C:", "nothing follows the colon"),
        ("C:maj(9", "a parenthesis does not end"),
        ("C:maj(x)", "'x' is no degree"),
        ("C:maj(99)", "'99' is no degree"),
        ("C:maj/x", "'x' is no bass"),
        ("Cm7(b5", "a parenthesis does not end"),
        ("Cm7b5)", "')' is not understood"),
        ("Cxyz", "'xyz' is not understood"),
        ("am", "it does not begin with a note from A to G, in upper case"),
        ("C/", "'/' is not understood"),
        ("Am7/", "'/' is not understood"),
        ("C//E", "'/' is not understood"),
        ("C,", "',' is not understood"),
        ("C#########", "it does not begin with a note from A to G"),
        ("Cäö", "'äö' is not understood"),
    ] {
        let message = Chord::parse(text).unwrap_err().to_string();
        assert_eq!(
            message,
            format!(
                "'{text}' is no chord symbol: {why}; chords are written as Am7, Bbmaj7/D or \
                 C:maj6(9)/3, no chord as N, and one that nobody could name as X"
            )
        );
    }
}

#[test]
fn pitch_classes_have_the_bass() {
    assert_eq!(parse("C").pitch_classes(), 0b0000_1001_0001);
    assert_eq!(parse("C/D").pitch_classes(), 0b0000_1001_0101);
    assert_eq!(parse("B:min7").pitch_classes(), 0b1010_0100_0100);
    assert_eq!(parse("N").pitch_classes(), 0);
}

#[test]
fn symbols_are_transposed_in_their_own_spelling() {
    let up = |text: &str, semitones| transpose_symbol(text, semitones).unwrap();
    assert_eq!(up("Am7", 2), "Bm7");
    assert_eq!(up("Bbmaj7/D", 2), "Cmaj7/E");
    assert_eq!(up("C:maj6(9)/3", -3), "A:maj6(9)/3");
    assert_eq!(up("F#m7b5/A", 2), "G#m7b5/B");
    // The bass keeps its distance in letters, but no two accidentals.
    assert_eq!(up("D7/F#", 4), "F#7/A#");
    assert_eq!(up("C/G#", 6), "F#/D");
    assert_eq!(
        (up("N", 5), up(" Fsmin ", 12), up("E#:maj", -24)),
        ("N".into(), "Fsmin".into(), "E#:maj".into())
    );
    // The usual names: minor chords have other ones than major chords.
    let all = |text: &str| (1..12).map(|n| up(text, n)).collect::<Vec<_>>().join(" ");
    assert_eq!(all("C"), "Db D Eb E F F# G Ab A Bb B");
    assert_eq!(all("Cm"), "C#m Dm Ebm Em Fm F#m Gm G#m Am Bbm Bm");
    assert_eq!(up("C", i64::MAX), "G");
    assert!(transpose_symbol("H", 12).is_err());
}

#[test]
fn vocabularies_keep_what_they_tell_apart() {
    let all = |text: &str| {
        let vocabularies = Vocabulary::NAMES.iter().map(|name| Vocabulary::parse(name).unwrap());
        vocabularies.map(|one| one.simplify(&parse(text)).to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(all("Cm9/G"), "C:min C:min7 C:min7 C:min9/5");
    assert_eq!(all("C13"), "C:maj C:7 C:7 C:13");
    assert_eq!(all("C69"), "C:maj C:maj C:maj6 C:maj6(9)");
    assert_eq!(all("Cm6"), "C:min C:min C:min6 C:min6");
    assert_eq!(all("CmM7"), "C:min C:min C:minmaj7 C:minmaj7");
    assert_eq!(all("Cmaj7"), "C:maj C:maj7 C:maj7 C:maj7");
    assert_eq!(all("Cm7b5"), "X X C:hdim7 C:hdim7");
    assert_eq!(all("Cdim7"), "X X C:dim7 C:dim7");
    assert_eq!(all("Cdim"), "X X C:dim C:dim");
    assert_eq!(all("C+7"), "X X C:aug C:aug(b7)");
    assert_eq!(all("C7sus4"), "X X C:sus4 C:sus4(b7)");
    assert_eq!(all("Csus2"), "X X C:sus2 C:sus2");
    assert_eq!(all("C5"), "X X X C:5");
    assert_eq!(all("N"), "N N N N");
    assert_eq!(Vocabulary::parse("given"), None);
}

#[test]
fn numerals_count_in_the_scale_of_the_key() {
    let all = |chords: &str, in_key: &str| {
        let numeral = |chord: &Chord| roman(chord, key(in_key));
        list(chords).iter().map(numeral).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(all("C Dm7 G7 Am F/A Bdim Bm7b5 N", "C"), "I ii7 V7 vi IV/3 vii° viiø7 N");
    assert_eq!(all("Am Bm7b5 C F G G#dim7 E7", "Am"), "i iiø7 III VI VII #vii°7 V7");
    assert_eq!(all("Bb Fm Db F#dim Eb Ab", "C:maj"), "bVII iv bII #iv° bIII bVI");
    assert_eq!(all("C6 Cm6 CmM7 C+ Csus4 C5 C7(b9)", "C"), "Iadd6 iadd6 imaj7 I+ Isus4 I5 I7(b9)");
    // However it is spelled: a note of the scale, or a neighbour of one.
    assert_eq!(all("G# Fb", "Eb"), "IV bII");
    assert_eq!(all("E:min7 A#", "Gb"), "#vi7 III");
}

#[test]
fn keys_are_read_and_written() {
    for (text, written) in [
        ("Bb", "Bb:maj"),
        ("A:min", "A:min"),
        (" f# ", ""),
        ("F# minor", "F#:min"),
        ("Am", "A:min"),
        ("AM", "A:maj"),
        ("C Major", "C:maj"),
        ("D dorian", ""),
        ("", ""),
    ] {
        let key = Key::parse(text).map(|key| key.to_string());
        assert_eq!(key.unwrap_or_default(), written, "{text}");
    }
    assert_eq!((key("D").to_common(), key("Cm").to_common()), (10, 9));
}

#[test]
fn the_key_of_a_progression_follows_its_transposition() {
    let estimate = |text: &str| estimate_key(&list(text)).map(|key| key.to_string());
    assert_eq!(estimate("C F G C Am F G C").as_deref(), Some("C:maj"));
    assert_eq!(estimate("Am Dm E7 Am F E7 Am").as_deref(), Some("A:min"));
    // As the chords spell it.
    assert_eq!(estimate("Gb Cb Db7 Gb").as_deref(), Some("Gb:maj"));
    assert_eq!(estimate("F# B C#7 F#").as_deref(), Some("F#:maj"));
    assert_eq!((estimate("N N X"), estimate("")), (None, None));
    let song = list("Em G D A Em G D A C G");
    let first = estimate_key(&song).unwrap();
    for shift in 1..12 {
        let moved: Vec<Chord> = song.iter().map(|chord| chord.transpose(shift)).collect();
        let key = estimate_key(&moved).unwrap();
        let tonic = (first.tonic.pitch_class() + shift as i32) % 12;
        assert_eq!((key.tonic.pitch_class(), key.is_minor), (tonic, first.is_minor));
        assert_eq!((key.to_common() + shift) % 12, first.to_common());
    }
}

#[test]
fn runs_of_chords() {
    assert_eq!(ngrams(&["C", "G", "Am"], 2), [["C", "G"], ["G", "Am"]]);
    assert_eq!(ngrams(&["C", "G"], 1), [["C"], ["G"]]);
    assert!(ngrams(&["C", "G"], 3).is_empty() && ngrams(&["C"], 0).is_empty());
}

#[test]
fn similarity_by_hand() {
    let similar = |a: &str, b: &str, invariant| similarity(&list(a), &list(b), invariant);
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    close(similar("C F G", "C F G", false), 1.0);
    close(similar("C F G", "D G A", true), 1.0);
    assert!(similar("C F G", "D G A", false) < 0.5);
    // C and Am share two of four notes.
    close(similar("C", "Am", false), 0.5);
    // One chord of four has no partner.
    close(similar("C F G C", "C F C", false), 0.75);
    // C and F# share nothing.
    close(similar("C", "F#", false), 0.0);
    close(similar("C N", "C X", false), 0.5);
    close(similar("", "", true), 1.0);
    close(similar("", "C", true), 0.0);
    for (a, b) in [("C Am F G7", "Em Bm7 C"), ("C:min F", "Bb/D N N Eb")] {
        for invariant in [false, true] {
            close(similar(a, b, invariant), similar(b, a, invariant));
        }
        assert!(similar(a, b, true) >= similar(a, b, false));
    }
}
