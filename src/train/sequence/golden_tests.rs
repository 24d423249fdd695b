//! Recurrent models against the golden numbers of an independent implementation
//! (`tests/golden/gru4rec.py`), for the tests of their files.

use candle_core::{DType, Device, Tensor, Var};
use serde_json::Value;

use super::{BIASES, Carried, Design, Encoder, OUTPUTS, SONGS, Sequences};
use crate::error::Result;
use crate::nn::{Dropout, Loss, Shared};
use crate::train::{Options, Param, Setting, Weights};

/// All numbers of nested arrays.
pub fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

/// The shape of nested arrays.
pub fn shape(value: &Value) -> Vec<usize> {
    match value {
        Value::Array(items) => [vec![items.len()], shape(&items[0])].concat(),
        _ => Vec::new(),
    }
}

/// All numbers of a tensor.
pub fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Holds numbers against expected ones, to a share of their size.
#[track_caller]
pub fn assert_close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let scale = tolerance * (1.0 + expected.abs());
        assert!((got - expected).abs() <= scale, "{what}[{i}]: {got}, expected {expected}");
    }
}

/// The streams of the golden numbers, side by side.
struct Streams {
    /// `(B·L)`.
    songs: Vec<u32>,
    resets: Vec<bool>,
    targets: Vec<u32>,
    rows: usize,
    length: usize,
}

impl Streams {
    fn new(golden: &Value) -> Self {
        let streams = golden["streams"].as_array().unwrap();
        let all = |name: &str| -> Vec<u32> {
            streams.iter().flat_map(|stream| flat(&stream[name])).map(|x| x as u32).collect()
        };
        let resets = streams.iter().flat_map(|s| s["resets"].as_array().unwrap());
        let songs = all("inputs");
        Self {
            rows: streams.len(),
            length: songs.len() / streams.len(),
            resets: resets.map(|reset| reset.as_bool().unwrap()).collect(),
            targets: all("targets"),
            songs,
        }
    }

    /// The codes `(B, L', H)` of some positions, which go on from `states` and leave them behind.
    fn codes(
        &self,
        encoder: &dyn Encoder,
        weights: &Weights,
        positions: std::ops::Range<usize>,
        states: &mut Option<Vec<Tensor>>,
    ) -> Tensor {
        let (from, length) = (positions.start, positions.len());
        let ids = Tensor::from_slice(&self.songs, self.songs.len(), &Device::Cpu).unwrap();
        let songs = &weights[SONGS];
        let inputs = songs
            .index_select(&ids, 0)
            .and_then(|inputs| inputs.reshape((self.rows, self.length, songs.dims()[1])))
            .and_then(|inputs| inputs.narrow(1, from, length))
            .unwrap();
        let resets = self.resets.chunks(self.length).flat_map(|row| &row[positions.clone()]);
        let resets = resets.copied().collect();
        let carried = states.take().map(|states| Carried { states, resets });
        let mut sequences = Sequences { inputs, lengths: vec![length; self.rows], carried };
        let codes = encoder.encode(weights, &mut sequences, &mut Dropout::off()).unwrap();
        *states = sequences.carried.map(|carried| carried.states);
        codes
    }
}

fn zeros(encoder: &dyn Encoder, rows: usize, dtype: DType) -> Vec<Tensor> {
    let sizes = encoder.states();
    sizes.iter().map(|&size| Tensor::zeros((rows, size), dtype, &Device::Cpu).unwrap()).collect()
}

fn forward(golden: &Value, case: &Value, design: &Design, dtype: DType, tolerance: f64) {
    let streams = Streams::new(golden);
    let vars: Vec<(String, Var)> = (case["weights"].as_object().unwrap().iter())
        .map(|(name, weight)| {
            let tensor = Tensor::from_vec(flat(weight), shape(weight), &Device::Cpu).unwrap();
            (name.clone(), Var::from_tensor(&tensor.to_dtype(dtype).unwrap()).unwrap())
        })
        .collect();
    let weights: Weights =
        vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect();
    let encoder = design.encoder.as_ref();
    let carries = case["model"] == "gru4rec";
    let fresh = || carries.then(|| zeros(encoder, streams.rows, dtype));
    let codes = streams.codes(encoder, &weights, 0..streams.length, &mut fresh());
    let outputs = case["outputs"].as_array().unwrap();
    let all = |name: &str| outputs.iter().flat_map(|o| flat(&o[name])).collect::<Vec<f64>>();
    assert_close("codes", &values(&codes), &all("codes"), tolerance);
    if carries {
        // The same in two batches, the second from the states that the first left.
        let mut states = fresh();
        let parts = [0..2, 2..streams.length]
            .map(|positions| streams.codes(encoder, &weights, positions, &mut states));
        let both = Tensor::cat(&parts, 1).unwrap();
        assert_close("carried", &values(&both), &all("codes"), tolerance);
    }
    let table = &weights[if design.config.tied { SONGS } else { OUTPUTS }];
    let mut scores = codes.flatten(0, 1).unwrap().matmul(&table.t().unwrap()).unwrap();
    if let Some(bias) = weights.get(BIASES) {
        scores = scores.broadcast_add(&bias.t().unwrap()).unwrap();
    }
    assert_close("scores", &values(&scores), &all("scores"), tolerance);
    let own = Tensor::from_slice(&streams.targets, (streams.targets.len(), 1), &Device::Cpu);
    let positives = scores.gather(&own.unwrap(), 1).unwrap().squeeze(1).unwrap();
    let weights = vec![1.0; table.dims()[0]];
    let shared = Shared { weights, own: streams.targets.clone(), offsets: Vec::new() };
    let loss = Loss::Softmax.mean(&positives, &scores, &shared).unwrap();
    assert_close("loss", &values(&loss), &flat(&case["loss"]), tolerance);
    let grads = loss.backward().unwrap();
    for (name, var) in &vars {
        let got = values(grads.get(var).unwrap());
        assert_close(name, &got, &flat(&case["gradients"][name]), tolerance);
    }
}

/// Holds a model's codes, scores, loss and gradients against the golden numbers, as plain operations
/// and as fused ones.
pub fn assert_golden(model: &str, params: &[Param], design: impl Fn(&Options) -> Result<Design>) {
    let text = include_str!("../../../tests/golden/gru4rec.json");
    let golden: Value = serde_json::from_str(text).unwrap();
    let cases = golden["cases"].as_array().unwrap().iter().filter(|case| case["model"] == model);
    let mut met = 0;
    for case in cases {
        let mut options = Options::defaults(params);
        for name in ["embedding_size", "hidden_size", "layers", "tied"] {
            let setting = match &case[name] {
                Value::Bool(value) => Setting::Bool(*value),
                value => Setting::Int(value.as_i64().unwrap()),
            };
            options.set(name, setting);
        }
        let design = design(&options.resolved(params)).unwrap();
        forward(&golden, case, &design, DType::F64, 1e-10);
        forward(&golden, case, &design, DType::F32, 2e-5);
        met += 1;
    }
    assert!(met > 0, "no golden numbers for {model}");
}
