//! Models through files and back, and files that are no models.

use candle_core::{DType, Device};

use super::*;
use crate::data::Chords;
use crate::error::Error;

fn dataset() -> Dataset {
    Dataset {
        users: Vocab::new("UUID", Keys::Texts(vec![String::new(), "ä b".into()])),
        songs: Vocab::new("INTEGER", Keys::Integers(vec![-5, 0, i64::MAX])),
        user_fields: vec![Field {
            name: "age".into(),
            encoding: Encoding::Buckets {
                bounds: vec![-0.5, f64::INFINITY],
                kind: NumberKind::Date,
            },
            codes: Codes::One(vec![3, 0]),
        }],
        song_fields: vec![Field {
            name: "tags".into(),
            encoding: Encoding::Categories(vec!["a".into(), "b".into()]),
            codes: Codes::Many { offsets: vec![0, 2, 3, 4], values: vec![2, 1, 0, 1] },
        }],
        chords: Some(Arc::new(Chords {
            symbols: vec!["A:min".into(), "C".into()],
            offsets: vec![0, 2, 2, 3],
            codes: vec![1, 0, 1],
        })),
        features: None,
        tiles: None,
        plays: Plays {
            songs: vec![2, 2, 0],
            session_offsets: vec![0, 2, 3],
            user_sessions: vec![0, 2, 2],
            session_ranks: vec![1, 0],
        },
        play_counts: vec![1, 0, 2],
        has_sessions: true,
        rejected: 4,
        notes: vec!["a \"note\"".into()],
        fingerprint: "abc".into(),
    }
}

fn meta() -> ArchiveMeta {
    ArchiveMeta {
        name: "harm".into(),
        kind: "harm".into(),
        options_json: "{\"epochs\":3}".into(),
        seed: -7,
        device: "cpu".into(),
        complete: true,
        epochs: vec![EpochRow {
            epoch: 1,
            train_loss: 0.1 + 0.2,
            metrics: vec![("recall@20".into(), 1.0 / 3.0), ("mrr".into(), f64::INFINITY)],
            seconds: 1e-9,
            plays_per_second: 1e300,
        }],
        best_epoch: Some(1),
        fingerprint: "abc+def".into(),
    }
}

fn weights() -> BTreeMap<String, Tensor> {
    let cpu = &Device::Cpu;
    let nan = f32::from_bits(0x7fc0_1234);
    BTreeMap::from([
        ("f32".into(), Tensor::new(&[[1.5_f32, -0.0], [nan, f32::MIN_POSITIVE]], cpu).unwrap()),
        ("f64".into(), Tensor::new(&[std::f64::consts::PI], cpu).unwrap()),
        ("u32".into(), Tensor::new(7_u32, cpu).unwrap()),
        ("i64".into(), Tensor::new(&[i64::MIN, 3], cpu).unwrap()),
        ("none".into(), Tensor::zeros((0, 4), DType::F32, cpu).unwrap()),
    ])
}

fn message<T>(result: Result<T>) -> String {
    match result {
        Err(Error::Model(message)) => message,
        Err(other) => panic!("another kind of error: {other:?}"),
        Ok(_) => panic!("no error"),
    }
}

#[test]
fn a_model_comes_back_bit_for_bit() {
    let (data, weights) = (dataset(), weights());
    let bytes = pack(&data, &weights, &meta()).unwrap();
    assert_eq!(bytes, pack(&data, &weights, &meta()).unwrap());
    let back = unpack("harm", &bytes).unwrap();
    assert_eq!(back.meta, meta());
    assert_eq!(back.dataset.users.keys(), data.users.keys());
    assert_eq!(back.dataset.users.sql_type(), "UUID");
    assert_eq!(back.dataset.songs.keys(), data.songs.keys());
    assert_eq!(back.dataset.user_fields, data.user_fields);
    assert_eq!(back.dataset.song_fields, data.song_fields);
    assert_eq!(back.dataset.chords, data.chords);
    assert_eq!(back.dataset.plays, data.plays);
    assert_eq!(back.dataset.play_counts, data.play_counts);
    assert_eq!(back.dataset.notes, data.notes);
    assert_eq!((back.dataset.has_sessions, back.dataset.rejected), (true, 4));
    assert_eq!(back.dataset.fingerprint, "abc");
    let shapes = |map: &BTreeMap<String, Tensor>| -> Vec<(String, DType, Vec<usize>)> {
        map.iter().map(|(name, t)| (name.clone(), t.dtype(), t.dims().to_vec())).collect()
    };
    assert_eq!(shapes(&back.weights), shapes(&weights));
    let bits = |map: &BTreeMap<String, Tensor>| -> Vec<u32> {
        let values = map["f32"].flatten_all().unwrap().to_vec1::<f32>().unwrap();
        values.iter().map(|value| value.to_bits()).collect()
    };
    assert_eq!(bits(&back.weights), bits(&weights));
    assert_eq!(back.weights["i64"].to_vec1::<i64>().unwrap(), [i64::MIN, 3]);
}

#[test]
fn tensors_alone_come_back() {
    let bytes = pack_tensors(&weights()).unwrap();
    let back = unpack_tensors("harm", &bytes).unwrap();
    assert_eq!(back.len(), 5);
    assert_eq!(back["u32"].to_scalar::<u32>().unwrap(), 7);
}

#[test]
fn other_tensor_types_are_refused() {
    let odd = BTreeMap::from([("w".into(), Tensor::new(&[1_u8], &Device::Cpu).unwrap())]);
    assert!(message(pack_tensors(&odd)).contains("tensor 'w' is of type u8"));
}

#[test]
fn no_damaged_byte_goes_unnoticed() {
    let bytes = pack(&dataset(), &weights(), &meta()).unwrap();
    for length in 0..bytes.len() {
        let text = message(unpack("harm", &bytes[..length]));
        assert!(text.contains("'harm' cannot be read"), "{text}");
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x41;
        assert!(matches!(unpack("harm", &changed), Err(Error::Model(_))), "byte {at}");
    }
}

#[test]
fn other_files_are_no_models() {
    assert!(message(unpack("x", b"not a model at all")).contains("no Segue model"));
    let foreign = safetensors::serialize(Vec::<(String, Tensor)>::new(), None).unwrap();
    assert!(message(unpack("x", &foreign)).contains("no description"));
}

#[test]
fn a_newer_format_is_refused_before_anything_else() {
    let bytes = pack_tensors(&weights()).unwrap();
    let text = String::from_utf8_lossy(&bytes[..]).into_owned();
    assert!(text.contains(r#"\"format\":1"#));
    let at = bytes.windows(11).position(|part| part == br#"\"format\":"#).unwrap();
    let mut newer = bytes.clone();
    newer[at + 11] = b'2';
    assert_eq!(
        message(unpack("x", &newer)),
        "model 'x' was written by a newer Segue (format 2, this one reads up to 1); update Segue"
    );
}

#[test]
fn contradictions_are_found() {
    let change = |change: fn(&mut Dataset)| {
        let mut data = dataset();
        change(&mut data);
        let bytes = pack(&data, &weights(), &meta()).unwrap();
        message(unpack("x", &bytes))
    };
    assert!(change(|data| data.plays.songs[0] = 3).contains("plays do not fit the songs"));
    assert!(change(|data| data.play_counts.push(1)).contains("plays do not fit the songs"));
    assert!(change(|data| data.plays.session_offsets[2] = 9).contains("sessions do not fit"));
    assert!(change(|data| data.plays.user_sessions.push(2)).contains("users do not fit"));
    assert!(change(|data| data.plays.user_sessions[1] = 7).contains("users do not fit"));
    assert!(change(|data| data.plays.session_ranks[1] = 2).contains("order of sessions"));
    assert!(change(|data| data.plays.session_ranks.push(0)).contains("order of sessions"));
    let with = |codes: Vec<u32>, offsets: Vec<u64>| {
        let symbols = vec!["C".to_owned()];
        let chords = Arc::new(Chords { symbols, offsets, codes });
        let data = Dataset { chords: Some(chords), ..dataset() };
        message(unpack("x", &pack(&data, &weights(), &meta()).unwrap()))
    };
    for (codes, offsets) in [
        (vec![1], vec![0, 1, 1, 1]),
        (vec![0], vec![0, 1, 1]),
        (vec![0], vec![0, 1, 0, 1]),
        (vec![0], vec![0, 0, 0, 2]),
    ] {
        assert!(with(codes, offsets).contains("chords do not fit the songs"));
    }
    assert!(
        change(|data| data.user_fields[0].codes = Codes::One(vec![4, 0])).contains("field age")
    );
    assert!(
        change(|data| {
            let offsets = vec![0, 0, 3, 4];
            data.song_fields[0].codes = Codes::Many { offsets, values: vec![2, 1, 0, 1] };
        })
        .contains("field tags")
    );
    assert!(
        change(|data| {
            data.songs =
                Vocab::new("VARCHAR", Keys::Texts(vec!["a".into(), "a".into(), "b".into()]));
        })
        .contains("songs are out of order")
    );
}
