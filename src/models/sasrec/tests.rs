//! SASRec against the golden numbers of an independent implementation (`tests/golden/sasrec.py`).

use candle_core::{DType, Device, Var};
use serde_json::Value;

use super::*;
use crate::data::Dataset;
use crate::nn::{Loss, Shared};
use crate::train::sequence::golden_tests::{assert_close, flat, shape, values};
use crate::train::{Artifact, Context, Setting};

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/sasrec.json")).unwrap()
}

fn indices(value: &Value) -> Vec<u32> {
    flat(value).into_iter().map(|x| x as u32).collect()
}

/// The options of a case, and its weights as variables.
fn case(golden: &Value, case: &Value, dtype: DType) -> (Options, Vec<(String, Var)>) {
    let mut options = Options::defaults(PARAMS);
    for name in ["embedding_size", "max_length", "blocks"] {
        options.set(name, Setting::Int(golden[name].as_i64().unwrap()));
    }
    options.set("heads", Setting::Int(case["heads"].as_i64().unwrap()));
    options.set("norm", Setting::Text(case["norm"].as_str().unwrap().into()));
    options.set("positions", Setting::Text("end".into()));
    let vars = case["weights"].as_object().unwrap().iter().map(|(name, weight)| {
        let tensor = Tensor::from_vec(flat(weight), shape(weight), &Device::Cpu).unwrap();
        (name.clone(), Var::from_tensor(&tensor.to_dtype(dtype).unwrap()).unwrap())
    });
    (options.resolved(PARAMS), vars.collect())
}

/// All sequences in one padded batch, as training has them.
fn forward(golden: &Value, expected: &Value, dtype: DType, tolerance: f64) {
    let (options, vars) = case(golden, expected, dtype);
    let weights: Weights =
        vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect();
    let songs = weights["song"].clone();
    let sequences = golden["sequences"].as_array().unwrap();
    let length = golden["max_length"].as_u64().unwrap() as usize;
    let (mut inputs, mut lengths, mut places, mut own) = (vec![], vec![], vec![], vec![]);
    for (row, sequence) in sequences.iter().enumerate() {
        inputs.extend(indices(&sequence["inputs"]));
        lengths.push(inputs.len() - row * length);
        places.extend((row * length) as u32..inputs.len() as u32);
        // Any padding will do.
        inputs.resize((row + 1) * length, 3);
        own.extend(indices(&sequence["targets"]));
    }
    let ids = |values: &[u32]| Tensor::from_slice(values, values.len(), &Device::Cpu).unwrap();
    let batch = (sequences.len(), length, songs.dims()[1]);
    let inputs = songs.index_select(&ids(&inputs), 0).unwrap().reshape(batch).unwrap();
    let encoder = design(&options).unwrap().encoder;
    let mut sequences = Sequences { inputs, lengths, carried: None };
    let codes = encoder.encode(&weights, &mut sequences, &mut Dropout::off()).unwrap();
    let codes = codes.flatten(0, 1).unwrap().index_select(&ids(&places), 0).unwrap();
    let scores = codes.matmul(&songs.t().unwrap()).unwrap();
    let outputs = expected["outputs"].as_array().unwrap();
    let all = |name: &str| outputs.iter().flat_map(|o| flat(&o[name])).collect::<Vec<f64>>();
    assert_close("codes", &values(&codes), &all("codes"), tolerance);
    assert_close("scores", &values(&scores), &all("scores"), tolerance);
    let positives = scores.gather(&ids(&own).unsqueeze(1).unwrap(), 1).unwrap().squeeze(1).unwrap();
    let shared = Shared { weights: vec![1.0; songs.dims()[0]], own, offsets: Vec::new() };
    let loss = Loss::Softmax.mean(&positives, &scores, &shared).unwrap();
    assert_close("loss", &values(&loss), &flat(&expected["loss"]), tolerance);
    let grads = loss.backward().unwrap();
    for (name, var) in &vars {
        let got = values(grads.get(var).unwrap());
        assert_close(name, &got, &flat(&expected["gradients"][name]), tolerance);
    }
}

#[test]
fn codes_scores_and_gradients_equal_the_golden_numbers() {
    let golden = golden();
    for case in golden["cases"].as_array().unwrap() {
        // The plain operations, and the fused ones.
        forward(&golden, case, DType::F64, 1e-10);
        forward(&golden, case, DType::F32, 2e-5);
    }
}

/// One user, who played every song once.
fn dataset(songs: usize) -> Dataset {
    Dataset::of_sessions(&[(0..songs as u32).collect::<Vec<_>>()], songs)
}

#[test]
fn a_stored_model_gives_the_golden_scores_of_the_latest_songs() {
    let golden = golden();
    for expected in golden["cases"].as_array().unwrap() {
        let (options, vars) = case(&golden, expected, DType::F32);
        let weights = vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone()));
        let songs = golden["songs"].as_u64().unwrap() as usize;
        let artifact =
            Artifact { dataset: dataset(songs).into(), options, weights: weights.collect() };
        let model = (SPEC.load)(&artifact, &Device::Cpu).unwrap();
        let sequences = golden["sequences"].as_array().unwrap();
        let mut contexts: Vec<Vec<u32>> =
            sequences.iter().map(|sequence| indices(&sequence["inputs"])).collect();
        // What was played before the window does not count.
        contexts[0].insert(0, 6);
        let contexts: Vec<Context<'_>> =
            contexts.iter().map(|songs| Context { user: None, songs, continues: false }).collect();
        let mut got = vec![0.0; contexts.len() * songs];
        model.score_all(&contexts, &mut got).unwrap();
        let got: Vec<f64> = got.into_iter().map(f64::from).collect();
        for (got, output) in got.chunks_exact(songs).zip(expected["outputs"].as_array().unwrap()) {
            let scores = flat(&output["scores"]);
            assert_close("scores", got, &scores[scores.len() - songs..], 2e-5);
        }
    }
}

#[test]
fn heads_have_to_divide_the_embedding() {
    let mut options = Options::defaults(PARAMS);
    options.set("embedding_size", Setting::Int(10));
    options.set("heads", Setting::Int(4));
    let message = design(&options).err().unwrap().to_string();
    assert!(
        message.contains("embedding_size := 10") && message.contains("heads := 4"),
        "{message}"
    );
}
