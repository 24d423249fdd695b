//! The networks against the golden numbers of an independent implementation
//! (`tests/golden/neumf.py`).

use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};
use serde_json::Value;

use super::{GMF, SPEC, config};
use crate::data::Features;
use crate::nn::{Dropout, Meetings, binary_cross_entropy};
use crate::train::pairs::{CONTENT, Design, Network, Pairs};
use crate::train::sequence::golden_tests::{assert_close, flat, shape, values};
use crate::train::{OptimizerKind, Options, Param, Setting, Weights};

fn design(case: &Value, frames: &Value, params: &[Param]) -> Design {
    let mut options = Options::defaults(params);
    for name in ["embedding_size", "content_size", "pretrained", "paper", "layers"] {
        let setting = match &case[name] {
            Value::Null => continue,
            Value::Bool(value) => Setting::Bool(*value),
            Value::Array(_) => {
                Setting::IntList(flat(&case[name]).into_iter().map(|width| width as i64).collect())
            }
            value => Setting::Int(value.as_i64().unwrap()),
        };
        options.set(name, setting);
    }
    let [songs, count, coefficients] = shape(frames)[..] else { panic!("{frames}") };
    options.set("frames", Setting::Int(count as i64));
    let options = options.resolved(params);
    let offsets = (0..=songs).map(|song| (song * count) as u64).collect();
    let values = flat(frames).into_iter().map(|x| x as f32).collect();
    let features = Features { coefficients, offsets, values };
    let encode = match case["model"].as_str().unwrap() {
        "gmf" => return config::design(&options, false, None).unwrap(),
        "neumf" => return config::design(&options, true, None).unwrap(),
        "neumf_cnn" => super::ENCODE_CNN,
        _ => super::ENCODE_LSTM,
    };
    config::with_content(Some(&features), &options, encode).unwrap()
}

fn forward(golden: &Value, case: &Value, network: &dyn Network, dtype: DType, tolerance: f64) {
    let vars: Vec<(String, Var)> = (case["weights"].as_object().unwrap().iter())
        .map(|(name, weight)| {
            let tensor = Tensor::from_vec(flat(weight), shape(weight), &Device::Cpu).unwrap();
            (name.clone(), Var::from_tensor(&tensor.to_dtype(dtype).unwrap()).unwrap())
        })
        .collect();
    let mut weights: Weights =
        vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect();
    let ids: Vec<u32> = (0..shape(&golden["frames"])[0] as u32).collect();
    if let Some(content) = network.content(&weights, &ids).unwrap() {
        weights.insert(CONTENT.into(), content);
    }
    let triples = flat(&golden["pairs"]);
    let column = |column: usize| triples.chunks(3).map(move |triple| triple[column]);
    let at = Meetings {
        users: column(0).map(|user| user as u32).collect(),
        songs: column(1).map(|song| song as u32).collect(),
    };
    let pairs = Pairs {
        users: network.users(&weights).unwrap(),
        songs: network.songs(&weights, &ids).unwrap(),
        at,
        ids,
    };
    let logits = network.logits(&weights, &pairs, &mut Dropout::off()).unwrap();
    assert_close("logits", &values(&logits), &flat(&case["logits"]), tolerance);
    let labels = Arc::new(column(2).map(|label| label as f32).collect());
    let loss = binary_cross_entropy(&logits, &labels).unwrap();
    assert_close("loss", &values(&loss), &flat(&case["loss"]), tolerance);
    let grads = loss.backward().unwrap();
    for (name, var) in &vars {
        let got = values(grads.get(var).unwrap());
        assert_close(name, &got, &flat(&case["gradients"][name]), tolerance);
    }
}

#[test]
fn logits_loss_and_gradients_equal_the_golden_numbers() {
    let text = include_str!("../../../tests/golden/neumf.json");
    let golden: Value = serde_json::from_str(text).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let params = if case["model"] == "gmf" { GMF.params } else { SPEC.params };
        let design = design(case, &golden["frames"], params);
        forward(&golden, case, design.network.as_ref(), DType::F64, 1e-10);
        forward(&golden, case, design.network.as_ref(), DType::F32, 2e-5);
    }
}

#[test]
fn joined_parts_have_half_a_say_each() {
    let text = include_str!("../../../tests/golden/neumf.json");
    let golden: Value = serde_json::from_str(text).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    let case = cases.iter().find(|case| case["pretrained"] == 1).unwrap();
    let Design { config, network } = design(case, &golden["frames"], SPEC.params);
    assert_eq!(config.apart, 1);
    let weights: Weights = (case["weights"].as_object().unwrap().iter())
        .map(|(name, weight)| {
            let tensor = Tensor::from_vec(flat(weight), shape(weight), &Device::Cpu).unwrap();
            (name.clone(), tensor)
        })
        .collect();
    let pairs = Pairs {
        users: network.users(&weights).unwrap(),
        songs: network.songs(&weights, &[0, 1, 2, 3]).unwrap(),
        at: Meetings { users: vec![0, 2], songs: vec![3, 1] },
        ids: vec![0, 1, 2, 3],
    };
    let parts = network.parts(&weights, &pairs, &mut Dropout::off()).unwrap();
    let both = network.logits(&weights, &pairs, &mut Dropout::off()).unwrap();
    let mean = ((&parts[0] + &parts[1]).unwrap() * 0.5).unwrap();
    assert_close("mean of the parts", &values(&both), &values(&mean), 1e-12);
}

#[test]
fn embeddings_begin_as_widely_as_asked() {
    for (params, perceptron, tables) in [(GMF.params, false, 2), (SPEC.params, true, 4)] {
        let mut options = Options::defaults(params);
        let deviations = |options: &Options| {
            let design = config::design(&options.resolved(params), perceptron, None).unwrap();
            design.network.tables().iter().map(|table| table.deviation).collect::<Vec<_>>()
        };
        assert_eq!(deviations(&options), vec![0.01; tables]);
        options.set("init_std", Setting::Float(0.1));
        assert_eq!(deviations(&options), vec![0.1; tables]);
    }
}

#[test]
fn weights_decay_by_default_but_not_as_printed() {
    let rule = |settings: &[(&str, Setting)]| {
        let mut options = Options::defaults(SPEC.params);
        options.set("embedding_size", Setting::Int(64));
        settings.iter().for_each(|(name, setting)| options.set(name, setting.clone()));
        let optimizer =
            config::design(&SPEC.resolve(&options), true, None).unwrap().config.optimizer;
        (optimizer.kind, optimizer.reg)
    };
    let adam = ("optimizer", Setting::Text("adam".into()));
    assert_eq!(rule(&[]), (OptimizerKind::AdamW, 0.32));
    assert_eq!(rule(&[("embedding_size", Setting::Int(8))]), (OptimizerKind::AdamW, 0.04));
    assert_eq!(rule(&[("reg", Setting::Float(0.0))]), (OptimizerKind::AdamW, 0.0));
    assert_eq!(rule(&[("paper", Setting::Bool(true))]), (OptimizerKind::Adam, 0.0));
    assert_eq!(rule(std::slice::from_ref(&adam)), (OptimizerKind::Adam, 0.0));
    assert_eq!(rule(&[adam, ("reg", Setting::Float(0.5))]), (OptimizerKind::Adam, 0.5));
}
