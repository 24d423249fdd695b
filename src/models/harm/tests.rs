//! HARM against the golden numbers of an independent implementation (`tests/golden/harm.py`).

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};
use serde_json::Value;

use super::config::{Attention, Config};
use super::network::{self, Dense};
use super::scorer::Harm;
use super::tables::{song_lookups, user_lookups};
use crate::data::{Codes, Dataset, Encoding, Field};
use crate::nn::{ABSENT, Dropout, Loss, Places, Shared};
use crate::train::{Context, Model, Options};

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/harm.json")).unwrap()
}

fn numbers(value: &Value, into: &mut Vec<f64>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| numbers(item, into)),
        Value::Number(number) => into.push(number.as_f64().unwrap()),
        other => panic!("not a number: {other}"),
    }
}

fn flat(value: &Value) -> Vec<f64> {
    let mut all = Vec::new();
    numbers(value, &mut all);
    all
}

fn indices(value: &Value) -> Vec<u32> {
    flat(value).into_iter().map(|x| x as u32).collect()
}

fn shape(value: &Value) -> Vec<usize> {
    match value {
        Value::Array(items) => {
            let mut dims = vec![items.len()];
            dims.extend(items.first().map(shape).unwrap_or_default());
            dims
        }
        _ => Vec::new(),
    }
}

#[track_caller]
fn assert_close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() <= tolerance, "{what}[{i}]: {got}, expected {expected}");
    }
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn field(name: &str, rows: &[Value], categories: usize) -> Field {
    let values = (0..categories).map(|i| format!("v{i}")).collect();
    let codes = if rows[0][name].is_array() {
        let (mut offsets, mut all) = (vec![0], Vec::new());
        for row in rows {
            all.extend(indices(&row[name]));
            offsets.push(all.len() as u32);
        }
        Codes::Many { offsets, values: all }
    } else {
        Codes::One(rows.iter().map(|row| row[name].as_u64().unwrap() as u32).collect())
    };
    Field { name: name.into(), encoding: Encoding::Categories(values), codes }
}

fn dataset(golden: &Value) -> Dataset {
    let songs = golden["songs"].as_array().unwrap();
    let users = golden["users"].as_array().unwrap();
    // A play each: ids without plays count as unknown.
    let plays = vec![[0]; users.len()];
    Dataset {
        user_fields: vec![field("age", users, 2), field("country", users, 2)],
        song_fields: vec![field("artist", songs, 3), field("tags", songs, 4)],
        play_counts: indices(&golden["play_counts"]),
        ..Dataset::of_histories(&plays, songs.len())
    }
}

struct Case<'a> {
    golden: &'a Value,
    case: &'a Value,
    dataset: Dataset,
    vars: BTreeMap<String, Var>,
}

impl<'a> Case<'a> {
    fn new(golden: &'a Value, case: &'a Value) -> Self {
        let names = case["losses"]["softmax"]["gradients"].as_object().unwrap().keys();
        let vars = names
            .map(|name| {
                let weight = &golden["weights"][name];
                let tensor = Tensor::from_vec(flat(weight), shape(weight), &Device::Cpu).unwrap();
                (name.clone(), Var::from_tensor(&tensor).unwrap())
            })
            .collect();
        Self { golden, case, dataset: dataset(golden), vars }
    }

    fn attention(&self) -> Attention {
        match self.case["attention"].as_str().unwrap() {
            "user" => Attention::User,
            "constant" => Attention::Constant,
            _ => Attention::Mean,
        }
    }

    fn get(&self, name: &str) -> Option<Tensor> {
        self.vars.get(name).map(|var| var.as_tensor().clone())
    }

    fn dense(&self) -> Dense {
        let get = |name: &str| self.get(name).unwrap();
        Dense {
            query_weight: self.get("query.weight"),
            query_bias: self.get("query.bias"),
            field_key: self.get("field_key"),
            position: get("position"),
            q: (get("self.q.weight"), get("self.q.bias")),
            k: (get("self.k.weight"), get("self.k.bias")),
            output: get("output.weight"),
            residual: self.case["variant"] == "default",
        }
    }

    fn examples(&self) -> &'a Vec<Value> {
        self.golden["examples"].as_array().unwrap()
    }

    fn user(example: &Value) -> Option<u32> {
        example["user"].as_u64().map(|user| user as u32)
    }

    /// The song fields of the whole catalogue, `(V, D)` each, from the variables.
    fn fields(&self) -> Vec<Tensor> {
        let songs: Vec<u32> = (0..self.dataset.songs.len() as u32).collect();
        self.embed("field", &song_lookups(&self.dataset, &songs, &[]))
    }

    fn embed(&self, prefix: &str, lookups: &[super::tables::Lookup]) -> Vec<Tensor> {
        let rows = |lookup: &super::tables::Lookup| {
            Tensor::from_slice(&lookup.rows, lookup.rows.len(), &Device::Cpu).unwrap()
        };
        lookups
            .iter()
            .enumerate()
            .map(|(j, lookup)| {
                let table = self.get(&format!("{prefix}.{j}")).unwrap();
                lookup.embed(&table.index_select(&rows(lookup), 0).unwrap()).unwrap()
            })
            .collect()
    }

    /// Checks every intermediate result and returns all scores, `(B, V)`.
    fn forward(&self) -> Tensor {
        let dense = self.dense();
        let users: Vec<Option<u32>> = self.examples().iter().map(Self::user).collect();
        let attributes = match self.attention() {
            Attention::User => self.embed("user", &user_lookups(&self.dataset, &users, &users)),
            _ => Vec::new(),
        };
        let fields = Tensor::stack(&self.fields(), 0).unwrap();
        let queries = network::queries(&dense, users.len(), &attributes).unwrap();
        let weights = network::field_weights(&dense, self.attention(), &queries, &fields).unwrap();
        let length = self.golden["max_length"].as_u64().unwrap() as usize;
        let (mut places, mut starts) = (Places::default(), Vec::new());
        for (g, example) in self.examples().iter().enumerate() {
            let songs = indices(&example["sequence"]);
            starts.push(length - songs.len());
            places.pad(length - songs.len());
            songs.into_iter().for_each(|song| places.push(g as u32, song));
        }
        let attention = self.attention();
        let seen = network::represent(&dense, attention, &queries, &fields, &places).unwrap();
        let size = seen.dims2().unwrap().1;
        let seen = seen.reshape((users.len(), length, size)).unwrap();
        let dropout = &mut Dropout::off();
        let codes = network::user_codes(&dense, &seen, &starts, dropout, 0.0).unwrap();
        let scores = network::candidate_scores(&dense, attention, &queries, &codes, &fields);
        let scores = scores.unwrap();
        for (b, output) in self.case["outputs"].as_array().unwrap().iter().enumerate() {
            let row = |tensor: &Tensor| values(&tensor.get(b).unwrap());
            if !output["q"].is_null() {
                assert_close("q", &row(&queries), &flat(&output["q"]), 1e-10);
            }
            let weights = weights.transpose(1, 2).unwrap();
            assert_close("a", &row(&weights), &flat(&output["field_attention"]), 1e-10);
            assert_close("u", &row(&codes), &flat(&output["u"]), 1e-10);
            assert_close("scores", &row(&scores), &flat(&output["scores"]), 1e-10);
        }
        scores
    }

    /// Each example's target score `(B)`.
    fn positives(&self, scores: &Tensor) -> Tensor {
        let targets: Vec<u32> =
            self.examples().iter().map(|e| e["target"].as_u64().unwrap() as u32).collect();
        let targets = Tensor::from_slice(&targets, (targets.len(), 1), &Device::Cpu).unwrap();
        scores.gather(&targets, 1).unwrap().squeeze(1).unwrap()
    }

    fn loss(&self, name: &str, scores: &Tensor) -> Tensor {
        let positives = self.positives(scores);
        let device = &Device::Cpu;
        let examples = self.examples().len();
        let noise = flat(&self.golden["noise"]);
        let target = |b: usize| self.examples()[b]["target"].as_u64().unwrap() as u32;
        let mean = |loss: Loss, positives: &Tensor, negatives: &Tensor, weights, own| {
            loss.mean(positives, negatives, &Shared { weights, own, offsets: Vec::new() }).unwrap()
        };
        match name {
            "negative" => {
                let picks: Vec<u32> =
                    self.examples().iter().flat_map(|e| indices(&e["negatives"])).collect();
                let count = picks.len() / examples;
                let picks = Tensor::from_vec(picks, (examples, count), device).unwrap();
                let negatives = scores.gather(&picks, 1).unwrap();
                let (weights, own) = (vec![1.0; count], vec![ABSENT; examples]);
                mean(Loss::Logistic { beta: 1.0 }, &positives, &negatives, weights, own)
            }
            "softmax" => {
                let weights = vec![1.0; self.dataset.songs.len()];
                let own = (0..examples).map(target).collect();
                mean(Loss::Softmax, &positives, scores, weights, own)
            }
            _ => {
                let drawn = indices(&self.golden["shared_negatives"]);
                let picks = Tensor::from_slice(&drawn, drawn.len(), device).unwrap();
                let weights = drawn.iter().map(|&song| 1.0 / noise[song as usize]).collect();
                let place = |b| drawn.iter().position(|&song| song == target(b));
                let own =
                    (0..examples).map(|b| place(b).map_or(ABSENT, |place| place as u32)).collect();
                let offsets = (0..examples).map(|b| -noise[target(b) as usize].ln()).collect();
                let negatives = scores.index_select(&picks, 1).unwrap();
                let shared = Shared { weights, own, offsets };
                Loss::Softmax.mean(&positives, &negatives, &shared).unwrap()
            }
        }
    }
}

#[test]
fn forward_passes_losses_and_gradients_equal_the_golden_numbers() {
    let golden = golden();
    for case in golden["cases"].as_array().unwrap() {
        let case = Case::new(&golden, case);
        let scores = case.forward();
        for (name, expected) in case.case["losses"].as_object().unwrap() {
            let loss = case.loss(name, &scores);
            assert_close(name, &values(&loss), &flat(&expected["value"]), 1e-10);
            let grads = loss.backward().unwrap();
            for (weight, gradient) in expected["gradients"].as_object().unwrap() {
                let label = format!("{} d{name}/d{weight}", case.case["variant"]);
                let got = match grads.get(&case.vars[weight]) {
                    Some(grad) => values(grad),
                    None => vec![0.0; case.vars[weight].elem_count()],
                };
                assert_close(&label, &got, &flat(gradient), 1e-9);
            }
        }
    }
}

#[test]
fn catalogue_scores_through_vocabularies_equal_the_golden_numbers() {
    let golden = golden();
    for case in golden["cases"].as_array().unwrap() {
        let case = Case::new(&golden, case);
        let mut options = Options::defaults(super::SPEC.params);
        options.set("embedding_size", crate::train::Setting::Int(4));
        options.set("max_length", crate::train::Setting::Int(4));
        let mut config = Config::new(&super::SPEC.resolve(&options)).unwrap();
        config.attention = case.attention();
        config.residual = case.case["variant"] == "default";
        let weights = case
            .vars
            .iter()
            .map(|(name, var)| (name.clone(), var.to_dtype(DType::F32).unwrap()))
            .collect();
        let dataset = Arc::new(case.dataset.clone());
        let harm = Harm::new(dataset, config, weights, &Device::Cpu).unwrap();
        let sequences: Vec<Vec<u32>> =
            case.examples().iter().map(|e| indices(&e["sequence"])).collect();
        let contexts: Vec<Context<'_>> = case
            .examples()
            .iter()
            .zip(&sequences)
            .map(|(e, songs)| Context { user: Case::user(e), songs, continues: false })
            .collect();
        let songs = case.dataset.songs.len();
        let mut batch = vec![0.0; contexts.len() * songs];
        harm.score_all(&contexts, &mut batch).unwrap();
        for (b, output) in case.case["outputs"].as_array().unwrap().iter().enumerate() {
            let got: Vec<f64> =
                batch[b * songs..(b + 1) * songs].iter().map(|&x| f64::from(x)).collect();
            assert_close("scores", &got, &flat(&output["scores"]), 1e-5);
            let mut single = vec![0.0; songs];
            harm.score_all(&contexts[b..=b], &mut single).unwrap();
            assert_close(
                "one by one",
                &single.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(),
                &got,
                1e-5,
            );
        }
    }
}
